import * as z from 'zod';
import type { SuiteSetUp } from '../../module.js';
import { askDriver, type Driver } from '../driver.js';
import type { Task } from '../tasks.js';

const builtSchema = z.union([z.object({ image: z.string() }), z.object({ refused: z.string() })]);

/**
 * Builds what answers to tasks are built on, or finds it there from before: then nothing of it is another one. Gives the images by `Task.base`, and
 * what could not be had.
 */
export async function buildImages(
  tasks: readonly Task[],
  driver: Driver,
  { say, signal }: Pick<SuiteSetUp, 'say' | 'signal'>,
): Promise<{ readonly images: Readonly<Record<string, string>>; readonly notes: readonly string[] }> {
  const firsts = new Map<string, Task>();
  for (const task of tasks) if (!firsts.has(task.base)) firsts.set(task.base, task);
  const { images: there } = await askDriver(driver, 'images', {
    job: { images: [...firsts.keys()].map(tagOf) },
    answer: z.object({ images: z.record(z.string(), z.string().nullable()) }),
    signal,
  });
  const images: Record<string, string> = {};
  const notes: string[] = [];
  for (const [index, { base, scenario, env, from }] of [...firsts.values()].entries()) {
    const known = there[tagOf(base)];
    if (typeof known === 'string') {
      images[base] = known;
      continue;
    }
    say(`building what apps in ${env} stand on, of ${from.join(', ')} (${index + 1} of ${firsts.size})`);
    const job = { scenario, env, tag: tagOf(base) };
    const built = await askDriver(driver, 'base', { job, answer: builtSchema, signal });
    if ('image' in built) images[base] = built.image;
    else {
      const count = tasks.filter((task) => task.base === base).length;
      notes.push(`no image for ${count} tasks in ${env}, of ${from.join(', ')}: ${lastLineOf(built.refused)}`);
    }
  }
  return { images, notes };
}

/** What an image is called, so that a later set-up finds it. */
function tagOf(base: string): string {
  return `localhost/secpi-baxbench:${base}`;
}

function lastLineOf(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
