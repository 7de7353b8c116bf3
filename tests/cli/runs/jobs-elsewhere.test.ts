import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { acquireLock } from '../../../src/base/locks/lock.js';
import { runJob } from '../../../src/compute/jobs/run-job.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { type StateDirectory, stateDirectory } from '../../../src/engine/state-directory.js';
import { countedJob, runsOf, watchedPlace } from '../../support/counted-job.js';
import { jsonLines, runCli } from '../../support/run-cli.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { RUN, timed } from '../fixtures/recorded-events.js';
import { recordRun } from '../fixtures/recorded-run.js';

const fingerprint = sha256('the stage');
const never = new AbortController().signal;

describe.skipIf(!hasSshServer)('a job on another machine, of a run whose process is gone', () => {
  let server: SshServer;
  let folder: TemporaryFolder;
  let state: StateDirectory;
  let saved: string;

  /** A run that was killed while its job ran over ssh; the job counts its runs, and saves when it is told to stop. */
  beforeEach(async () => {
    server = await sshServer();
    folder = await temporaryFolder();
    state = stateDirectory(join(folder.path, '.secpi'));
    saved = join(folder.path, 'saved');
    const run = await recordRun(
      folder.path,
      RUN,
      timed(
        [
          0,
          {
            type: 'run-started',
            run: RUN,
            recipe: 'demo',
            recipe_sha256: fingerprint,
            stages: ['train'],
            version: '1',
          },
        ],
        [1, { type: 'stage-started', stage: 'train', fingerprint, why: '', resumed: false }],
      ),
      { dead: true },
    );
    const root = join(server.home, 'secpi');
    const compute = { here: { local: {} }, box: { ssh: { host: 'far', root, python: 'python3' } } };
    await writeFile(join(run, 'recipe.json'), JSON.stringify({ name: 'demo', compute }));
    await writeFile(join(run, 'uses.jsonl'), `${JSON.stringify({ work: fingerprint })}\n`);
    await mkdir(join(folder.path, '.secpi', 'locks'));
    await begin();
  });
  afterEach(async () => {
    // The job, which sees that its folder is gone, ends too.
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const spec = () =>
    countedJob(
      folder.path,
      `trap 'echo saved >"${saved}"; exit 75' TERM; until [ -e "${join(folder.path, 'go')}" ] || ! [ -d "${folder.path}" ]; do sleep 0.05; done`,
    );

  async function begin(): Promise<void> {
    const controller = new AbortController();
    const place = watchedPlace({ config: server.config, root: join(server.home, 'secpi') });
    const running = runJob(place, spec(), {
      key: 'test-job',
      folder: join(state.work(fingerprint), 'job'),
      signal: controller.signal,
      onEvent: () => undefined,
      onNote: () => undefined,
    });
    await expect.poll(() => runsOf(folder.path), { timeout: 30_000 }).toEqual([1]);
    controller.abort(new Interruption('leave'));
    await expect(running).rejects.toThrow('told to leave');
  }

  const secpi = (...words: readonly string[]) =>
    runCli(words, {
      cwd: folder.path,
      env: { HOME: process.env.HOME ?? '', SECPI_SSH_CONFIG: server.config, SECPI_HOME: state.root },
    });
  const handle = async () =>
    JSON.parse(await readFile(join(state.work(fingerprint), 'job', 'handle.json'), 'utf8')) as object;

  it('is stopped by cancel, which waits until it has saved; nothing is begun', async () => {
    const { exitCode, stdout, stderr } = await secpi('cancel', RUN);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'asking far to stop the job of train' });
    expect(stdout).toBe(`run ${RUN} was over already: died\nthe job of train on far was stopped`);
    expect(await readFile(saved, 'utf8')).toBe('saved\n');
    expect(await handle()).toMatchObject({ attempt: 1, told: true });
    expect(await runsOf(folder.path)).toEqual([1]);
    // Once is enough: nothing is asked of the host any more.
    await server.kill();
    const again = await secpi('cancel', RUN, '--json');
    expect(jsonLines(again.stdout)).toMatchObject([{ run: RUN, state: 'died', jobs: [] }]);
  });

  it('is named by leave, and left alone', async () => {
    const { stdout } = await secpi('leave', RUN);
    expect(stdout).toBe(`run ${RUN} was over already: died\nthe job of train on far goes on there`);
    expect(await readFile(saved, 'utf8').catch(() => 'nothing')).toBe('nothing');
  });

  it('is left alone when another run has taken it over', async () => {
    const lock = await acquireLock(state.lock(fingerprint), { signal: never });
    const { exitCode, stdout } = await secpi('cancel', RUN, '--json');
    await lock.release();
    expect(exitCode).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ jobs: [{ stage: 'train', place: 'far', state: 'taken' }] }]);
    expect(await readFile(saved, 'utf8').catch(() => 'nothing')).toBe('nothing');
    expect(await handle()).toMatchObject({ told: false });
  });

  it('that ended meanwhile is left for the next run to take', async () => {
    await writeFile(join(folder.path, 'go'), '');
    await expect
      .poll(
        () =>
          readFile(join(server.home, 'secpi/jobs/test-job/attempts/1/exit.json')).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    const { stdout } = await secpi('cancel', RUN, '--json');
    expect(jsonLines(stdout)).toMatchObject([{ jobs: [{ state: 'over' }] }]);
    expect(await handle()).toMatchObject({ told: false });
  });

  it('on a host that cannot be reached is not said to be stopped', async () => {
    await server.kill();
    const { exitCode, stdout, stderr } = await secpi('cancel', RUN);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('error: far cannot be reached');
    expect(await handle()).toMatchObject({ told: false });
  });
});
