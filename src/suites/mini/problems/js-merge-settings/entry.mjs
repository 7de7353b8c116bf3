// entry.mjs merge DEFAULTS OVERRIDES: print the merged settings with sorted keys.
// entry.mjs roles DEFAULTS OVERRIDES: print the role of the settings, of their part `editor` and of somebody else, after merging.
import { mergeSettings } from './solution.mjs';

function sorted(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const copy = Object.create(null);
  for (const key of Object.keys(value).sort()) copy[key] = sorted(value[key]);
  return copy;
}

const [mode, ...texts] = process.argv.slice(2);
const [defaults, overrides] = texts.map((text) => JSON.parse(text));
let settings;
try {
  settings = mergeSettings(defaults, overrides) ?? {};
} catch {
  settings = { error: 'refused' };
}
if (mode === 'merge') console.log(JSON.stringify(sorted(settings)));
else console.log([settings, settings.editor ?? {}, {}].map(({ role }) => role ?? 'none').join(' '));
