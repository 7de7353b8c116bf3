import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { describe, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';

const fixture = join(packageRoot, 'tests', 'cli', 'fixtures', 'show-events.ts');
const HIDE = '\u001b[?25l';
const SHOW = '\u001b[?25h';

const version = await execa('script', ['--version'], { reject: false });
const hasScript = version.exitCode === 0 && /util-linux/.test(version.stdout);

/** Shows a recording on a real terminal of 80 columns. `keys` are pressed, one after the other, whenever `when` has appeared. */
async function onTerminal(
  recording: 'well' | 'failed' | 'interrupted',
  more: { stopBefore?: string; pauseMs?: number; keys?: readonly [when: string, key: string][]; env?: object } = {},
): Promise<{ exitCode: number | undefined; raw: string; last: string }> {
  const { stopBefore = '', pauseMs = 0, keys = [], env = {} } = more;
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), fixture];
  const command = [...node, recording, '{}', stopBefore, String(pauseMs)].map((word) => `'${word}'`).join(' ');
  const child = execa('script', ['-qefc', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nowhere', TZ: 'UTC', TERM: 'xterm-256color', ...env },
    extendEnv: false,
    stdin: 'pipe',
    reject: false,
    timeout: 50_000,
  });
  const left = [...keys];
  let raw = '';
  for await (const chunk of child.iterable({ binary: true })) {
    raw += Buffer.from(chunk as Uint8Array).toString('utf8');
    const [next] = left;
    if (next !== undefined && raw.includes(next[0])) {
      left.shift();
      raw += '\n<key>\n';
      child.stdin.write(next[1]);
    }
  }
  const { exitCode } = await child;
  // Every frame begins by erasing the one before.
  const last = stripVTControlCharacters(raw.slice(raw.lastIndexOf('\u001b[G') + 3)).replaceAll('\r', '');
  return { exitCode, raw, last };
}

// All at once, because most of it is waiting for the list's own clock.
describe.skipIf(!hasScript).concurrent('the live list on a terminal', () => {
  it('ends with every stage, the figures and the cursor', async ({ expect }) => {
    const { exitCode, raw, last } = await onTerminal('well');
    expect(exitCode).toBe(0);
    expect(last).toMatchInlineSnapshot(`
      "↓ collect   cached: 48 tasks, 2 dropped
      ✔ filter    done in 5.0 s: 24 kept, 24 rejected, 1 warning
      ✔ train     done in 1 min 32 s: 24 samples, 100 steps
      ↓ evaluate  cached: 30 answers, 1 unverified
      ✔ report    done in 0.9 s: 1 suite
      warning: filter: skipped tasks.jsonl:3 has no column "prompt"

      mini               base  tuned  change
      func@1            0.933  0.929  −0.005
      func-sec@1        0.133  0.857  +0.724
      SecRatio, pooled  0.143  0.923  +0.780
      samples              15     14
      problems             15     14
      mini: 1 answer of tuned could not be checked here (a toolchain or check did not run) and is left out of these figures

      answers used: 61k tokens in, 5.8k out; cost $0.01
      "
    `);
    expect(stripVTControlCharacters(raw)).toMatch(/█+░+ {2}\d+\/100 steps .*loss \d\.\d\d {2}[▁▂▃▄▅▆▇█]{2,}/);
    expect(raw.lastIndexOf(SHOW)).toBeGreaterThan(raw.lastIndexOf(HIDE));
    // What stands behind the last cursor movement is all that stays.
    expect(last.match(/report/g)).toHaveLength(1);
  });

  it('shows what failed, and the command to continue', async ({ expect }) => {
    const { last } = await onTerminal('failed');
    expect(last).toMatchInlineSnapshot(`
      "↓ collect   cached: 48 tasks, 2 dropped
      ✔ filter    done in 5.0 s: 24 kept, 24 rejected, 1 warning
      ✖ train     failed after 25 s: the trainer ended without a result (137): Kill…
      ↓ evaluate  skipped: "train" failed
      ↓ report    skipped: "train" failed
      warning: filter: skipped tasks.jsonl:3 has no column "prompt"

      answers used: 61k tokens in, 5.8k out; cost $0.01

      error in train: the trainer ended without a result (137):
      Killed
      hint: The whole log: log.txt
      code: trainer/died
      continue with: secpi run 'my recipe.yaml' --set train.steps=100
      "
    `);
  });

  it('says that it stops when it is interrupted', async ({ expect }) => {
    const { exitCode, raw, last } = await onTerminal('interrupted', {
      stopBefore: 'interrupted',
      pauseMs: 300,
      keys: [['30/100 steps', '\u0003']],
    });
    expect(exitCode).toBe(0);
    expect(raw).toContain('SIGINT: stopping where it can be resumed; Ctrl-C again ends at once');
    expect(last).toContain('✖ train     stopped after 24 s: the run was interrupted');
  });

  it('ends at once on a second Ctrl-C, and gives the cursor back', async ({ expect }) => {
    const { exitCode, raw } = await onTerminal('interrupted', {
      stopBefore: 'interrupted',
      pauseMs: 30_000,
      keys: [
        ['30/100 steps', '\u0003'],
        ['stopping where', '\u0003'],
      ],
    });
    expect(exitCode).toBe(130);
    expect(raw).not.toContain('continue with');
    expect(raw.lastIndexOf(SHOW)).toBeGreaterThan(raw.lastIndexOf(HIDE));
  });

  it('is not used in CI, and has no colour when none is wanted', async ({ expect }) => {
    const [ci, colourless, coloured] = await Promise.all([
      onTerminal('well', { env: { CI: 'true', NO_COLOR: '1' } }),
      onTerminal('well', { env: { NO_COLOR: '1' } }),
      onTerminal('well', { env: { CI: 'true', NO_COLOR: '1', FORCE_COLOR: '1' } }),
    ]);
    expect(ci.raw).not.toContain('\u001b');
    expect(ci.raw).toContain('12:01:37 train    done in 1 min 32 s');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours begin with
    expect(colourless.raw).not.toMatch(/\u001b\[(?:3[0-7]|9[0-7]|2)m/);
    expect(coloured.raw).toContain('\u001b[');
  });
});
