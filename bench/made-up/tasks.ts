import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mixed } from '../../src/datasets/mix.js';

/** Every tenth row is an edited copy. */
export const copyEvery = 10;
const verbs = ['sorts', 'reads', 'parses', 'stores', 'counts', 'filters', 'merges', 'checks', 'prints', 'sends'];
const languages = ['Python', 'C', 'Go', 'JavaScript', 'C++', 'Java'];
/** A vocabulary in which some words are frequent and most are rare, as in a language. */
const word = (n: number): string => `w${Math.floor(20_000 * (mixed(n, 99) / 2 ** 32) ** 3)}`;

/** A task of about 45 words, half of which many share. */
function taskText(n: number): string {
  const pick = <T>(list: readonly T[], salt: number): T => list[mixed(n, salt) % list.length] as T;
  const frame = `Write a ${pick(languages, 1)} function that ${pick(verbs, 2)} the`;
  const words = Array.from({ length: 30 }, (_, at) => word(mixed(n, 1000 + at)));
  return `${frame} ${words.slice(0, 10).join(' ')} and returns the ${words.slice(10, 20).join(' ')}. It takes a list of ${words.slice(20).join(' ')}.`;
}

function edited(text: string, n: number): string {
  return text
    .split(' ')
    .map((one, at) => ((at + n) % 12 === 0 ? word(mixed(n, at)) : one))
    .join(' ');
}

/** A JSON Lines file of made-up tasks; one in ten is an edited copy of an earlier one (a word in twelve is another). */
export async function writeTasks(path: string, rows: number): Promise<void> {
  const out = createWriteStream(path);
  for (let n = 0; n < rows; n += 1) {
    const isCopy = n % copyEvery === copyEvery - 1;
    // Of a row that is no copy itself, anywhere before.
    const of = isCopy ? Math.floor((mixed(n, 5) % n) / copyEvery) * copyEvery : n;
    const text = isCopy ? edited(taskText(of), n) : taskText(n);
    if (!out.write(`${JSON.stringify({ id: n, prompt: text, source: 'made up' })}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}
