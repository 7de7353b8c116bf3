import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { messageOf } from './errors.js';

/** Keys and indices from the top of a text down to one of its values. */
export type Keys = readonly PropertyKey[];

/** Lines and columns count from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with a YAML text: each mistake with what it is about, and where the first one stands. */
export class YamlProblem extends Error {
  override readonly name = 'YamlProblem';
  readonly mistakes: readonly { readonly keys: Keys | undefined; readonly message: string }[];
  readonly place: Place | undefined;

  constructor(mistakes: YamlProblem['mistakes'], place?: Place) {
    super(mistakes.map(({ message }) => message).join('; '));
    this.mistakes = mistakes;
    this.place = place;
  }
}

/** A YAML text that knows where its values stand. For recipes there is `recipe/`, which takes less and says more. */
export class PlacedYaml {
  readonly document: Document;
  readonly value: unknown;
  readonly #lines = new LineCounter();

  /**
   * `aliases`: how many values may be made of one that is named once, 0 for none.
   * @throws YamlProblem where it is no YAML.
   */
  constructor(text: string, aliases: number) {
    this.document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, prettyErrors: false });
    const broken = this.document.errors[0];
    if (broken !== undefined) {
      throw new YamlProblem([{ keys: undefined, message: broken.message }], this.placeAt(broken.pos[0]));
    }
    try {
      this.value = this.document.toJS({ maxAliasCount: aliases });
    } catch (error) {
      throw new YamlProblem([{ keys: undefined, message: messageOf(error) }]);
    }
  }

  /** @throws YamlProblem with everything that the schema does not allow. */
  read<T>(schema: z.ZodType<T>): T {
    const checked = schema.safeParse(this.value);
    if (checked.success) return checked.data;
    const mistakes = checked.error.issues.map(({ path, message }) => ({ keys: path, message }));
    throw new YamlProblem(mistakes, this.placeOf(mistakes[0]?.keys ?? []));
  }

  /** Where a value stands; of one that is missing, where that stands in which it is missing. */
  placeOf(keys: Keys): Place {
    for (let depth = keys.length; depth > 0; depth -= 1) {
      const node = this.document.getIn(keys.slice(0, depth), true);
      if (isNode(node) && node.range) return this.placeAt(node.range[0]);
    }
    return this.placeAt(this.document.contents?.range?.[0] ?? 0);
  }

  /** The place of a character by how many come before it. */
  placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}
