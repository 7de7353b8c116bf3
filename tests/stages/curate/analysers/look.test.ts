import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Analyser } from '../../../../src/stages/curate/analysers/analyser.js';
import { lookAt } from '../../../../src/stages/curate/analysers/look.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

/** Finds `bad` in files, and does badly what no analyser does when asked to: by what stands in one of them. */
const SCRIPT = `#!/bin/sh
has() { grep -qs "$1" code/*; }
has HANG && while :; do :; done
has CRASH && kill -SEGV $$
has NONSENSE && echo '{"results": ' && exit 0
has REFUSE && echo 'I do not want to.' >&2 && exit 2
has FLOOD && exec yes
has GROW && exec awk 'BEGIN { for (all = "x"; ; all = all all) continue }'
echo "started $PWD $(stat -c %a .) $*"
for file in code/*; do
  grep -q SILENT "$file" || echo "looked $file"
  grep -n bad "$file" | sed "s|^\\([0-9]*\\):.*|found $file R1 \\1|"
done
`;

async function tiny(change: Partial<Analyser> = {}) {
  const folder = await temporaryFolder();
  const script = join(folder.path, 'tiny.sh');
  await writeFile(script, SCRIPT);
  const started: string[] = [];
  const analyser: Analyser = {
    program: { name: 'tiny', versionArgv: ['true'], version: () => '1', env: {}, hint: 'Write it.' },
    endings: { python: 'py', go: 'go' },
    rules: [],
    argv: ['sh', script, 'code'],
    seconds: { begin: 1, file: 0 },
    mebibytes: 64,
    read(printed) {
      const lines = printed.trim().split('\n');
      if (!printed.startsWith('started')) throw new Error('it has not started');
      started.push(lines[0] ?? '');
      const words = lines.map((line) => line.split(' '));
      return {
        looked: new Set(words.flatMap(([what, file = '']) => (what === 'looked' ? [file] : []))),
        findings: words.flatMap(([what, file = '', rule = '', line]) =>
          what === 'found' ? [{ file, rule, line: Number(line), says: 'bad' }] : [],
        ),
        unread: new Map(),
      };
    },
    ...change,
  };
  return {
    started,
    look: (...texts: readonly string[]) =>
      lookAt(
        analyser,
        texts.map((text) => ({ language: 'python', text })),
        { programs: { PATH: '/usr/bin:/bin', HOME: '/' }, signal: new AbortController().signal },
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const clean = { found: [] };
const found = (line: number) => ({ found: [{ rule: 'R1', line, says: 'bad' }] });

describe('an analyser', () => {
  it('gets files of a private folder that goes, and none of the code in its arguments', async () => {
    await using analyser = await tiny();
    expect(await analyser.look('fine\n', 'x\nbad\n', 'fine\n')).toEqual([clean, found(2), clean]);
    const [, folder = '', ...rest] = analyser.started.join().split(' ');
    expect(rest).toEqual(['700', 'code']);
    expect(folder).toMatch(/secpi-analyser-/);
    expect(existsSync(folder)).toBe(false);
  });

  it.each([
    ['CRASH', /^it ended with SIGSEGV/],
    ['NONSENSE', /^what it printed makes no sense: it has not started/],
    ['REFUSE', /^it ended with exit code 2: I do not want to\./],
    ['FLOOD', /^it printed more than 33554432 bytes/],
    ['GROW', /^it ended with (?:exit code|SIG)/],
    ['HANG', /^it computed for more than 1 seconds/],
  ])('that does %s over one piece of code has looked at the others', async (word, why) => {
    await using analyser = await tiny();
    expect(await analyser.look(`${word} bad\n`, 'x\nbad\n')).toEqual([
      { found: [], unread: expect.stringMatching(why), failed: true },
      found(2),
    ]);
  });

  it('is not believed about a file that it says nothing of', async () => {
    await using analyser = await tiny();
    expect(await analyser.look('fine\n', 'SILENT\n')).toEqual([clean, { found: [], unread: 'it says nothing of it' }]);
  });

  it('ends the stage when it fails over an empty file, too', async () => {
    await using analyser = await tiny({ argv: ['sh', '-c', 'echo "no module named stevedore"; exit 1'] });
    await expect(analyser.look('fine\n', 'fine\n')).rejects.toMatchObject({
      code: 'curate/analyser-failed',
      message: expect.stringContaining('exit code 1: no module named stevedore'),
    });
  });
});
