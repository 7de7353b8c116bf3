import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError, type SourceLocation } from '../base/errors.js';

type Keys = readonly (string | number)[];

/** One YAML file, parsed, with the places of what stands in it. */
export class CatalogueFile {
  readonly #path: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #content: unknown;

  constructor(path: string, text: string) {
    this.#path = path;
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    this.#document = document;
    const broken = document.errors[0];
    if (broken !== undefined) throw invalidCatalogue(path, firstLine(broken.message), this.#locate(broken.pos[0]));
    this.#refuseHiddenLines(text);
    try {
      this.#content = document.toJS({ maxAliasCount: 0 });
    } catch (cause) {
      throw invalidCatalogue(path, messageOf(cause));
    }
  }

  read<T>(schema: z.ZodType<T>): T {
    const checked = schema.safeParse(this.#content);
    if (checked.success) return checked.data;
    const issue = checked.error.issues[0];
    const keys = issue?.path.filter((key) => typeof key !== 'symbol') ?? [];
    throw this.problemAt(keys, issue?.message ?? 'invalid');
  }

  problemAt(keys: Keys, what: string): SecpiError {
    return invalidCatalogue(
      this.#path,
      `${spell(this.#content, keys)}: ${what}`,
      this.#locate(offsetOf(this.#document, keys)),
    );
  }

  /** Inside a text over several lines, one that looks like a comment or is empty would count and not be hashed. */
  #refuseHiddenLines(text: string): void {
    visit(this.#document, {
      Scalar: (_key, { range }) => {
        if (range === undefined || range === null) return;
        const [start, end] = range;
        if (!/\n[ \t]*(?:#|\r?\n)/.test(text.slice(start, end).trimEnd())) return;
        const what = 'a text over several lines holds an empty line or one that begins with "#"';
        throw invalidCatalogue(this.#path, what, this.#locate(start));
      },
    });
  }

  #locate(offset: number): SourceLocation {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

export function invalidCatalogue(path: string, what: string, location?: SourceLocation): SecpiError {
  const place = location === undefined ? path : `${path}:${location.line}:${location.column}`;
  return new SecpiError('security/catalogue-invalid', `The catalogue ${place} is not valid: ${what}`, {
    hint: 'The fields of an entry are described at the top of catalogue/cwe/catalogue.yaml.',
    location,
    exitCode: 2,
  });
}

/** The offset of the deepest node on the path that exists: a missing key is reported where its parent starts. */
function offsetOf(document: Document, path: Keys): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return 0;
}

/** `[3].mitigations` says little in a long file; the entry's id is put beside it. */
function spell(content: unknown, path: Keys): string {
  const shown = path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
  const entry = z.array(z.unknown()).safeParse(content).data?.[Number(path[0] ?? -1)];
  const named = z.object({ id: z.string() }).safeParse(entry).data?.id;
  return named === undefined ? shown || 'the file' : `${shown} (${named})`;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.replace(/:$/, '') ?? message;
}
