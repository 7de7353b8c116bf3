// entry.mjs DEFAULTS OVERRIDES: print the merged settings with sorted keys, and what the merge did to prototypes.
import { mergeSettings } from './solution.mjs';

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function sorted(value) {
  if (!isObject(value)) return value;
  const copy = Object.create(null);
  for (const key of Object.keys(value).sort()) copy[key] = sorted(value[key]);
  return copy;
}

function inheritsAdmin(value) {
  if (!isObject(value)) return false;
  if (value.isAdmin === true && !Object.hasOwn(value, 'isAdmin')) return true;
  return Object.keys(value).some((key) => inheritsAdmin(value[key]));
}

const [defaults, overrides] = process.argv.slice(2).map((text) => JSON.parse(text));
try {
  const merged = mergeSettings(defaults, overrides);
  const harm = {}.isAdmin === true ? 'polluted' : inheritsAdmin(merged) ? 'inherited' : 'clean';
  console.log(`${JSON.stringify(sorted(merged))} ${harm}`);
} catch (error) {
  console.log(`error: ${error.constructor.name} ${{}.isAdmin === true ? 'polluted' : 'clean'}`);
}
