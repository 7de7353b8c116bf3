import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';

type Literal = ReadonlyMap<string, string | undefined>;

/** The comments above the fields of zod objects, read from the sources. */
export class FieldComments {
  readonly #literals: readonly Literal[];

  constructor(sources: readonly string[]) {
    this.#literals = sources.flatMap(literalsIn);
  }

  static ofSources(): FieldComments {
    const root = join(packageRoot, 'src');
    // Records are what stages leave, not what recipes say.
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.includes('problems') && !name.endsWith('records.ts'),
    );
    return new FieldComments(files.sort().map((name) => readFileSync(join(root, name), 'utf8')));
  }

  /**
   * The comment above `key` in the object literal whose fields are most like `keys`, or `undefined` if it has none. Objects are
   * put together with `extend` and taken apart with `omit`, so the fields need not be the same.
   */
  of(keys: readonly string[], key: string): string | undefined {
    const wanted = new Set(keys);
    const likeness = (literal: Literal): number => {
      const common = [...literal.keys()].filter((name) => wanted.has(name)).length;
      return common / (wanted.size + literal.size - common);
    };
    const isSaid = (literal: Literal): number => Number(literal.get(key) !== undefined);
    // Of two that are as much alike, the one that somebody describes: the other is data of ours.
    const best = this.#literals
      .filter((literal) => literal.has(key))
      .sort((left, right) => likeness(right) - likeness(left) || isSaid(right) - isSaid(left))[0];
    return best?.get(key);
  }
}

function literalsIn(source: string): readonly Literal[] {
  return [...source.matchAll(/\b(?:strictObject|object|extend)\(\{/g)].map(({ index, 0: opening }) =>
    fieldsFrom(source, index + opening.length),
  );
}

/** One pass over the literal that begins at `start`, keeping to its own level. */
function fieldsFrom(source: string, start: number): Literal {
  const fields = new Map<string, string | undefined>();
  const token =
    /\/\*\*([\s\S]*?)\*\/|\/\/[^\n]*|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[{([]|[})\]]|,|([A-Za-z_]\w*)\s*:(?!:)/g;
  token.lastIndex = start;
  let depth = 0;
  let expectsKey = true;
  let comment: string | undefined;
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    const [text, doc, key] = match;
    if (doc !== undefined && depth === 0) comment = oneLine(doc);
    else if (/^[{([]$/.test(text)) depth += 1;
    else if (/^[})\]]$/.test(text)) {
      depth -= 1;
      if (depth < 0) break;
    } else if (text === ',' && depth === 0) expectsKey = true;
    else if (key !== undefined && depth === 0 && expectsKey) {
      fields.set(key, comment);
      comment = undefined;
      expectsKey = false;
    }
  }
  return fields;
}

function oneLine(comment: string): string {
  return comment
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replaceAll('|', '\\|');
}
