import * as z from 'zod';
import { definedNames } from './defined-names.js';
import { type FencedBlock, fencedBlocks } from './fenced-blocks.js';

/**
 * Which block counts when an answer holds several: the `first`, the `last`, the `longest`; or that which defines the most of what
 * is wanted, the last of these (`definition`), because a usage example often follows the solution.
 */
export const extractModeSchema = z.enum(['definition', 'last', 'first', 'longest']);
export type ExtractMode = z.infer<typeof extractModeSchema>;

const tagsOf: Readonly<Record<string, readonly string[]>> = {
  python: ['python', 'py', 'python3', 'py3'],
  javascript: ['javascript', 'js', 'mjs', 'node', 'nodejs', 'es6'],
  c: ['c', 'h', 'c11', 'c17', 'c99'],
  cpp: ['cpp', 'c++', 'cc', 'cxx', 'hpp', 'cplusplus'],
  go: ['go', 'golang'],
};

const ANYTHING: ReadonlySet<string> = new Set();

/**
 * The code of an answer, without its reasoning: a fenced block. Blocks tagged with the language win over untagged ones, and those over blocks of
 * another tag; among equals `mode` decides, and `definition` before all of that. An answer that is nothing but code is taken whole.
 * `null` when there is no code.
 * @param wanted names that the code is to define; it need not, and the more it does the better.
 */
export function extractCode(
  answer: string,
  language: string,
  mode: ExtractMode = 'last',
  wanted: ReadonlySet<string> = ANYTHING,
): string | null {
  const blocks = fencedBlocks(answer);
  const found = (text: string) => [...definedNames(text, language)].filter((name) => wanted.has(name)).length;
  if (mode === 'definition') {
    const counts = new Map(blocks.map((block) => [block, found(block.text)]));
    const most = Math.max(0, ...counts.values());
    if (most > 0)
      return picked(
        ofLanguage(
          blocks.filter((block) => counts.get(block) === most),
          language,
        ),
        'last',
      );
    // The blocks then are those of a docstring, or of a text about the code.
    if (found(answer) > 0) return whole(answer);
  }
  if (blocks.length > 0) return picked(ofLanguage(blocks, language), mode);
  const names = definedNames(answer, language).size;
  return names > 0 && (wanted.size === 0 || found(answer) > 0) ? whole(answer) : null;
}

function ofLanguage(blocks: readonly FencedBlock[], language: string): readonly FencedBlock[] {
  const tagged = blocks.filter(({ tag }) => (tagsOf[language] ?? [language]).includes(tag));
  if (tagged.length > 0) return tagged;
  const untagged = blocks.filter(({ tag }) => tag === '');
  return untagged.length > 0 ? untagged : blocks;
}

function picked(blocks: readonly FencedBlock[], mode: ExtractMode): string | null {
  const longest = () =>
    blocks.reduce<FencedBlock | undefined>(
      (best, block) => (best === undefined || block.text.length > best.text.length ? block : best),
      undefined,
    );
  const block = mode === 'first' ? blocks[0] : mode === 'longest' ? longest() : blocks.at(-1);
  return block?.text ?? null;
}

function whole(answer: string): string {
  return `${answer.replace(/\r\n?/g, '\n').trim()}\n`;
}
