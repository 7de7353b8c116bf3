import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { canMount, withMounts } from '../../support/private-mounts.js';
import { cliCommand, cliEnvironment, jsonLines, temporaryFolder } from '../../support/run-cli.js';

/** Makes bubblewrap a file that is no program. It is looked up in the folders of the system, whatever the search path says. */
const WITHOUT_SANDBOX =
  'for place in /usr/bin /bin /usr/sbin /sbin; do ! [ -e $place/bwrap ] || mount --bind /dev/null $place/bwrap; done';

describe('secpi plan', () => {
  it('plans the rest where the Hub cannot be reached and there is no sandbox', async () => {
    await using folder = await temporaryFolder();
    const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
    const target = 'models: { target: { model: org/model, tiny: null } }';
    const trace = 'trace: { samples: 2, sampling: { temperature: 0 } }';
    await writeFile(join(folder.path, 'r.yaml'), `extends: ${quickstart}\nname: far\n${target}\n${trace}\n`);
    const plan = [...cliCommand(), 'plan', 'r.yaml', '--json'];
    const [program = '', ...args] = canMount ? withMounts([WITHOUT_SANDBOX], plan) : plan;
    const { exitCode, stdout, stderr } = await execa(program, args, {
      cwd: folder.path,
      // Nobody listens there. It is tried for half a minute, in case somebody will.
      env: cliEnvironment(folder.path, { HF_ENDPOINT: 'http://127.0.0.1:9' }),
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = jsonLines(stdout);
    const of = (name: string) => lines.find(({ stage }) => stage === name);
    expect(lines.map(({ state }) => state)).toEqual([
      ...['run', 'waits', 'waits', 'waits', 'unknown', 'waits', 'waits', 'waits', 'waits', undefined],
    ]);
    const message = 'cannot look up "main" of model org/model: the connection to 127.0.0.1:9 failed';
    expect(of('base')).toMatchObject({ why: [message], error: { code: 'hub/unreachable', message } });
    expect(of('evaluate')).toMatchObject({ waits_for: ['base', 'train'], estimate: { requests: 36 } });
    if (canMount) {
      expect(of('evaluate')?.why).toEqual([
        'Untrusted code cannot be isolated on this machine: bubblewrap is not installed.',
      ]);
    }
    expect(lines.at(-1)).toMatchObject({ type: 'plan', to_run: 8, unknown: ['base'], requests: 36 });
    expect(lines.at(-1)?.notes).toEqual([expect.stringContaining('`trace.samples` is 2 at temperature 0')]);
  });
});
