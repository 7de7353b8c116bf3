import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Puts colours around a text, or does not. */
export type Style = (format: Format, text: string) => string;

export const plainStyle: Style = (_format, text) => text;

/** Colours as people ask for them: `FORCE_COLOR` first, then `NO_COLOR`, then whether the stream is a terminal that has any. */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  variables: Readonly<Record<string, string | undefined>>,
): Style {
  return wantsColour(stream, variables) ? always : plainStyle;
}

/** By itself `styleText` looks at this process's stdout, which need not be where the text goes. */
const always: Style = (format, text) => styleText(format, text, { validateStream: false });

function wantsColour(
  { isTTY = false }: { readonly isTTY?: boolean },
  { FORCE_COLOR, NO_COLOR, TERM }: Readonly<Record<string, string | undefined>>,
): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}
