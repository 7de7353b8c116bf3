import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import type { ChatAnswer } from '../../src/models/chat.js';

/** Questions that wait at the same time. */
export const AT_ONCE = 256;

/** The text of this repository: what is made of pieces of it packs as text does. */
export async function repositoryText(): Promise<string> {
  const names = (await readdir(join(packageRoot, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
  const files = names.sort().map((name) => join(packageRoot, 'src', name));
  const pages = (await readdir(join(packageRoot, 'docs'))).sort().map((name) => join(packageRoot, 'docs', name));
  const texts = await Promise.all([...files, ...pages].map((path) => readFile(path, 'utf8')));
  return texts.join('\n');
}

/** A piece of the text that no other number has. */
export function piece(text: string, n: number, characters: number): string {
  const from = (n * 7919) % (text.length - characters);
  return `${n} ${text.slice(from, from + characters)}`;
}

/** What a classifier might say; of two tasks in three that they are relevant. */
export function verdict(text: string, n: number, request: ChatAnswer['request']): ChatAnswer {
  const relevant = n % 3 !== 0;
  const reason = piece(text, n * 31, 120);
  const content = JSON.stringify({ relevant, cwes: relevant ? ['CWE-89'] : [], confidence: (n % 100) / 100, reason });
  return { request, reasoning: null, content, finish: 'stop', tokens: { input: 1800, output: 60 } };
}

/** Does `work` for all of `items`, `AT_ONCE` of them at a time. */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T, n: number) => Promise<void>,
): Promise<void> {
  const waiting = new Set<Promise<void>>();
  let n = 0;
  for await (const item of items) {
    const one: Promise<void> = work(item, n++).finally(() => waiting.delete(one));
    waiting.add(one);
    if (waiting.size >= AT_ONCE) await Promise.race(waiting);
  }
  await Promise.all(waiting);
}

export function* numbers(count: number): Iterable<number> {
  for (let n = 0; n < count; n += 1) yield n;
}
