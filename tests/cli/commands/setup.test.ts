import { expect, it } from 'vitest';
import { standIns } from '../../setup/fixtures/stand-ins.js';
import { runCli } from '../../support/run-cli.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

it.each([[[]], [['--json']]])(
  'secpi setup %j gives uv the index with its password, and shows it nowhere',
  async (more) => {
    await using folder = await temporaryFolder();
    const { environment, program, calls, variables } = await standIns(folder);
    // The real uv hides passwords itself; this one says all that it knows, as progress and as the reason of its failure.
    const script = [
      '#!/bin/sh',
      '[ "$1" != --version ] || exit 0',
      'echo "UV_INDEX_URL=$UV_INDEX_URL" >>"$LOG.variables"; echo "uv $*" >>"$LOG"',
      '[ "$1" != venv ] || exit 0',
      'echo "Downloading from $UV_INDEX_URL"; echo "error: cannot reach $UV_INDEX_URL" >&2; exit 1',
    ];
    await program('uv', script.join('\n'));
    // Nothing of the system is on this path, so that no package manager is found.
    const env = { ...environment, PATH: `${folder.path}/bin`, PIP_INDEX_URL: 'https://me:canary@127.0.0.1:9/simple' };
    const { exitCode, stdout, stderr } = await runCli(['setup', ...more], { cwd: folder.path, env });
    expect(exitCode).toBe(1);
    expect(await variables()).toContain('UV_INDEX_URL=https://me:canary@127.0.0.1:9/simple\n');
    expect((await calls()).join('\n')).toContain('uv pip install');
    expect((await calls()).join('\n')).not.toContain('canary');
    expect(stdout).toContain('Downloading from https://[redacted]@127.0.0.1:9/simple');
    expect(stdout + stderr).toContain('error: cannot reach https://[redacted]@127.0.0.1:9/simple');
    expect(stdout + stderr).not.toContain('canary');
  },
);

it('secpi setup says at its end that all is ready, also where nothing was to do; not with --quiet', async () => {
  await using folder = await temporaryFolder();
  const { environment, program } = await standIns(folder);
  await program('uv');
  // What the stand-ins call; nothing else, so that no package manager is found.
  for (const name of ['mkdir', 'cp', 'touch', 'env', 'grep', 'sort', 'dirname']) {
    await program(name, `#!/bin/sh\nPATH=/usr/bin:/bin exec ${name} "$@"\n`);
  }
  const env = { ...environment, PATH: `${folder.path}/bin` };
  const setUp = async (...more: readonly string[]) => {
    const { exitCode, stdout } = await runCli(['setup', ...more], { cwd: folder.path, env });
    expect(exitCode).toBe(0);
    return stdout;
  };
  const ready = /^secpi: ready, with the Python environment .*[0-9a-f]{16}$/m;
  expect(await setUp()).toMatch(ready);
  expect(await setUp()).toMatch(ready);
  expect(await setUp('--quiet')).not.toMatch(ready);
});
