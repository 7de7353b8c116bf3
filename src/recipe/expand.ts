import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { clip } from '../base/clip.js';
import { traitsOf } from '../base/schema/field-traits.js';
import { alternativesOf, type Schema, schemasOfEntry } from '../base/schema/schema-walk.js';
import type { Complaint } from './issue-diagnostics.js';
import { isMapping } from './layers.js';
import { dotted, type Path } from './path.js';

interface ExpandOptions {
  readonly schema: Schema;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What a path in the field at this place is relative to. */
  readonly folderOf: (path: Path) => string;
  /** Fields whose variables are not set get what stands in for them. */
  readonly standIns: boolean;
}

interface Expansion {
  readonly value: unknown;
  readonly complaints: readonly Complaint[];
}

/** Replaces `${NAME}` and makes paths absolute, in the fields whose traits say so. Files to read have to be there. */
export function expand(written: unknown, { schema, environment, folderOf, standIns }: ExpandOptions): Expansion {
  const complaints: Complaint[] = [];
  const complain = (path: Path, words: Complaint['words']) => void complaints.push({ path, what: 'value', words });

  const walk = (value: unknown, path: Path, schemas: readonly Schema[]): unknown => {
    const entry = (item: unknown, key: string | number) => walk(item, [...path, key], schemasOfEntry(schemas, key));
    if (Array.isArray(value)) return value.map(entry);
    if (isMapping(value)) {
      // Schemas pass over this key, so it would be accepted everywhere and mean nothing.
      if (Object.hasOwn(value, '__proto__')) {
        const words = () => ({ message: 'unknown key `__proto__`' });
        complaints.push({ path: [...path, '__proto__'], what: 'key', words });
      }
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, entry(item, key)]));
    }
    return typeof value === 'string' ? text(value, path, schemas) : value;
  };

  const text = (value: string, path: Path, schemas: readonly Schema[]): string => {
    const traits = schemas.map(traitsOf);
    const variable = traits.find((trait) => trait.environment !== undefined)?.environment;
    const filled = variable === undefined ? untouched(value, path) : fillIn(value, path, variable.standIn);
    const kind = traits.find((trait) => trait.path !== undefined)?.path;
    return kind === undefined || filled === '' ? filled : absolute(filled, path, kind);
  };

  const untouched = (value: string, path: Path): string => {
    const [reference] = referencesIn(value);
    if (reference !== undefined) {
      complain(path, () => ({
        message: `\`${dotted(path)}\` may not use \${${clip(reference.name, 80)}}`,
        hint: 'Environment variables are read only in endpoint fields; secrets are named by variable, as in `api_key_env: NAME`.',
      }));
    }
    return value;
  };

  const fillIn = (value: string, path: Path, standIn: string): string => {
    const missing = new Set<string>();
    const parts: string[] = [];
    let end = 0;
    for (const { name, from, to } of referencesIn(value)) {
      const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (found === undefined || found === '') missing.add(name);
      parts.push(value.slice(end, from), found ?? '');
      end = to;
    }
    if (missing.size > 0 && standIns) return standIn;
    for (const name of missing) {
      complain(path, () => ({
        message: `the environment variable ${clip(name, 80)} is not set`,
        hint: `Set it, or write the value of \`${dotted(path)}\` out.`,
      }));
    }
    return missing.size > 0 ? value : parts.join('') + value.slice(end);
  };

  const absolute = (filled: string, path: Path, kind: 'input' | 'output'): string => {
    const found = resolve(folderOf(path), filled);
    if (filled.includes('\0')) {
      complain(path, () => ({ message: `\`${dotted(path)}\` holds a NUL, which no path can` }));
    } else if (kind === 'input' && !existsSync(found)) {
      complain(path, () => ({
        message: `there is no file ${clip(filled, 200)}`,
        hint: `Looked for ${clip(found, 400)}.`,
      }));
    }
    return found;
  };

  return { value: walk(written, [], alternativesOf(schema)), complaints };
}

/** Every `${NAME}` of a text, in order. One that is not closed is text like any other. */
function* referencesIn(text: string): Generator<{ readonly name: string; readonly from: number; readonly to: number }> {
  for (let from = text.indexOf('${'); from !== -1; ) {
    const end = text.indexOf('}', from);
    if (end === -1) return;
    yield { name: text.slice(from + 2, end), from, to: end + 1 };
    from = text.indexOf('${', end);
  }
}
