/** Text that is HTML already. Made only here, so that everything else is escaped. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Part = Html | string | number | null | undefined | readonly Part[];

/** HTML from a template literal; every value is escaped unless it is `Html` itself. Model output passes through here. */
export function html(literals: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(
    literals.reduce(
      (text, literal, index) => text + literal + (index < values.length ? rendered(values[index]) : ''),
      '',
    ),
  );
}

function rendered(part: Part): string {
  if (part === null || part === undefined) return '';
  if (part instanceof Html) return part.toString();
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(rendered).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters that a reader cannot see but that change what is seen: control characters, invisible ones, changes of direction. */
const invisible = /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Text as it may stand in an element or a quoted attribute. What cannot be seen is spelled out, as `⟨U+202E⟩`. */
export function escapeHtml(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(invisible, (character) => {
      if (character === '\n' || character === '\t') return character;
      return `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
    });
}
