import { visit } from 'yaml';
import * as z from 'zod';
import { SecpiError, type SourceLocation } from '../base/errors.js';
import { type Keys, PlacedYaml, YamlProblem } from '../base/placed-yaml.js';
import { dotted } from '../recipe/path.js';

/** One YAML file of a catalogue, with the places of what stands in it. */
export class CatalogueFile {
  readonly #path: string;
  readonly #yaml: PlacedYaml;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#yaml = this.#blaming(() => new PlacedYaml(text, 0));
    this.#refuseHiddenLines(text);
  }

  read<T>(schema: z.ZodType<T>): T {
    return this.#blaming(() => this.#yaml.read(schema));
  }

  problemAt(keys: Keys, what: string): SecpiError {
    return this.#invalid(`${spell(this.#yaml.value, keys)}: ${what}`, this.#yaml.placeOf(keys));
  }

  /** Of several mistakes the first one. */
  #blaming<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof YamlProblem)) throw error;
      const { keys, message = 'invalid' } = error.mistakes[0] ?? {};
      throw keys === undefined ? this.#invalid(message, error.place) : this.problemAt(keys, message);
    }
  }

  /** Inside a text over several lines, one that looks like a comment or is empty would count and not be hashed. */
  #refuseHiddenLines(text: string): void {
    visit(this.#yaml.document, {
      Scalar: (_key, { range }) => {
        if (range === undefined || range === null) return;
        const [start, end] = range;
        if (!/\n[ \t]*(?:#|\r?\n)/.test(text.slice(start, end).trimEnd())) return;
        const what = 'a text over several lines holds an empty line or one that begins with "#"';
        throw this.#invalid(what, this.#yaml.placeAt(start));
      },
    });
  }

  #invalid(what: string, place: YamlProblem['place']): SecpiError {
    return invalidCatalogue(this.#path, what, place && { file: this.#path, ...place });
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

/** `[3].mitigations` says little in a long file; the entry's id is put beside it. */
function spell(content: unknown, path: Keys): string {
  const shown = dotted(path);
  const entry = z.array(z.unknown()).safeParse(content).data?.[Number(path[0] ?? -1)];
  const named = z.object({ id: z.string() }).safeParse(entry).data?.id;
  return named === undefined ? shown || 'the file' : `${shown} (${named})`;
}
