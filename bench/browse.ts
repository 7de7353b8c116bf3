/**
 * How quick `secpi browse` is with many rows: until the first page is there while the file is still being read, until the whole is known, and
 * then a page by its facets, one in the middle, one before it, a rare text and one that is nowhere; and what stays in memory. The peers are the
 * tools that one would type instead: `wc -l` for reading all of it, `grep -ic` for looking for a text.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { startBrowseServer } from '../src/cli/browse/browse-server.js';
import { openOutputDirectory } from '../src/engine/artifacts/output-directory.js';

const rows = Number(process.argv[2] ?? 1_000_000);
const folder = await mkdtemp(join(resolve(process.argv[3] ?? '.'), '.bench-browse-'));
const path = join(folder, 'rejected.jsonl');
const packed = `${path}.gz`;

await write();
for (const file of [path, packed]) await measure(file);
peer('wc -l', 'wc', ['-l', path]);
peer('grep -ic needle', 'grep', ['-ic', 'needle', path]);
peer('zgrep -ic needle', 'zgrep', ['-ic', 'needle', packed]);
await rm(folder, { recursive: true });

async function measure(file: string): Promise<void> {
  const { size } = await stat(file);
  print(`${rows} rows, ${(size / 1e6).toFixed(0)} MB: ${basename(file)}`);
  const before = memory();
  await using server = await startBrowseServer({
    run: 'bench',
    stage: 'filter',
    files: [{ name: basename(file), path: file }],
    port: 0,
    redact: (text) => text,
  });
  const page = async (what: string, query: string): Promise<void> => {
    const from = now();
    const text = await (await fetch(`${server.url}?${query}`)).text();
    const found = text.match(/<li>/g)?.length ?? 0;
    print(`${what.padEnd(38)} ${seconds(from)}, ${found} rows`);
  };
  const started = now();
  await page('first page, while the file is read', '');
  for (;;) {
    const text = await (await fetch(`${server.url}?from=${rows - 1}`)).text();
    if (!text.includes('being read')) break;
  }
  print(`all rows known                         ${seconds(started)} after the start`);
  await page('by reason, weakness and language', 'reason=low_confidence&cwe=CWE-787&language=c');
  await page('the page in the middle', `from=${rows / 2}`);
  await page('the page before it', `from=${rows / 2}&back=1`);
  await page('a text that is in the last row only', 'text=needle');
  await page('a text that is nowhere', 'text=nowhere+at+all');
  print(`memory                                 ${(memory() - before).toFixed(0)} MB more than before`);
}

/** The same rows twice: plain, and packed as those of `trace` are. */
async function write(): Promise<void> {
  const output = openOutputDirectory(folder, () => Promise.reject(new Error('nothing to adopt')));
  const writers = [await output.rows(basename(path)), await output.rows(basename(packed))];
  for (let row = 0; row < rows; row += 1) {
    const cwes = row % 4 === 0 ? ['CWE-787', 'CWE-125'] : row % 4 === 1 ? ['CWE-22'] : [];
    const record = {
      schema: 1,
      id: `task-${row.toString(16).padStart(16, '0')}`,
      prompt: `Write a function number ${row} that reads what a client sends and keeps it. ${'Say what it does. '.repeat(row % 20)}${row === rows - 1 ? 'NEEDLE' : ''}`,
      language: ['c', 'go', 'python'][row % 3],
      source: 'tasks.jsonl',
      row: row + 1,
      licence: 'mit',
      code: row % 5 === 0 ? 'low_confidence' : 'not_relevant',
      cwes,
      confidence: (row % 10) / 10,
      reason: 'Somebody else decides how long it is.',
    };
    for (const writer of writers) await writer.write(record);
  }
  await output.close();
}

function peer(what: string, program: string, args: readonly string[]): void {
  const from = now();
  try {
    execFileSync(program, args, { stdio: 'ignore' });
  } catch {
    // grep ends with 1 where it finds nothing.
  }
  print(`${what.padEnd(38)} ${((performance.now() - from.clock) / 1000).toFixed(2)} s`);
}

/** Of the clock, and of the processor: on a busy machine only the latter says much. */
function seconds(from: Moment): string {
  const { user, system } = process.cpuUsage(from.cpu);
  return `${((performance.now() - from.clock) / 1000).toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of a core)`;
}

interface Moment {
  readonly clock: number;
  readonly cpu: NodeJS.CpuUsage;
}

function now(): Moment {
  return { clock: performance.now(), cpu: process.cpuUsage() };
}

function memory(): number {
  return process.memoryUsage().rss / 1e6;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
