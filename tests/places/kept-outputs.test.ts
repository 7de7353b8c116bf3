import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bytesSource } from '../../src/compute/bytes-source.js';
import { readHandle } from '../../src/compute/jobs/handle.js';
import type { JobSpec } from '../../src/compute/jobs/job.js';
import { knownJobs } from '../../src/compute/jobs/known-jobs.js';
import { type FinishedJob, runJob } from '../../src/compute/jobs/run-job.js';
import { here } from '../../src/compute/places/here.js';
import { hashAll, manifestOf } from '../../src/compute/places/manifest.js';
import type { Input, Place } from '../../src/compute/places/place.js';
import { sshPlace } from '../../src/compute/places/ssh.js';
import { type BytesElsewhere, objectOf } from '../../src/engine/artifacts/bytes-elsewhere.js';
import { prepareStateDirectory, type StateDirectory, stateDirectory } from '../../src/engine/state-directory.js';
import { hasSlurm, slurmCluster } from '../support/slurm-cluster.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const never = new AbortController().signal;
const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };

/** Makes a small tree, and says what it reads of `model`, if it is given that. */
function job(inputs: Readonly<Record<string, Input>> = {}): JobSpec {
  const reads =
    'model' in inputs ? 'cat "{in:model}/weights" "{in:model}/deep/b" >"{work}/note"' : 'echo none >"{work}/note"';
  const program = `mkdir -p "{work}/model/deep"; printf one >"{work}/model/weights"; printf two >"{work}/model/deep/b"; ${reads}`;
  return {
    steps: [{ name: 'only', launch: 'one', argv: ['sh', '-c', program], env: {}, documents: {}, result: null }],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    inherit: [],
    container: null,
    inputs,
    outputs: [
      { name: 'model', kind: 'tree', path: '{work}/model' },
      { name: 'note', kind: 'file', path: '{work}/note' },
    ],
    graceSeconds: 2,
  };
}

describe.skipIf(!hasSshServer)('outputs that stay on a host', () => {
  let server: SshServer;
  let folder: TemporaryFolder;
  let state: StateDirectory;
  let root: string;
  let count = 0;
  const notes: string[] = [];
  const onNote = (message: string) => void notes.push(message);

  const place = (options: object = {}): Place =>
    sshPlace({
      // Relative to the home, as it is by default.
      ...{ host: 'far', config: server.config, root: basename(root), python: 'python3', queue: null, spareGib: 0 },
      ...{ env, hashFiles: hashAll, bringHere: source().bringHere, owner: 'me' },
      ...options,
    });
  const source = (placeNamed = (name: string) => (name === 'far' ? place() : undefined)) =>
    bytesSource(state, placeNamed);
  const nobody = () => source(() => undefined);

  async function run(where: Place, spec: JobSpec, options: object = {}): Promise<FinishedJob & { home: string }> {
    count += 1;
    const home = join(folder.path, `job-${count}`);
    const key = `kept-${process.pid}-${count}`;
    const about = { key, folder: home, signal: never, onEvent: () => undefined, onNote };
    return { ...(await runJob(where, spec, { ...about, ...options })), home };
  }
  /** As if a job had made it there, in a fraction of the time. */
  const kept = async (): Promise<BytesElsewhere> => {
    count += 1;
    const jobFolder = join(root, 'jobs', `made-${count}`);
    const made = join(jobFolder, 'work', 'model');
    await mkdir(join(made, 'deep'), { recursive: true });
    await writeFile(join(made, 'weights'), 'one');
    await writeFile(join(made, 'deep', 'b'), 'two');
    const { files } = await manifestOf(made, hashAll, never);
    const below = files.map((file) => ({ ...file, path: file.path.slice('model/'.length) }));
    const path = await place().store?.keep({ name: 'model', path: made, files: below }, jobFolder, never);
    await rm(jobFolder, { recursive: true });
    return { stage: 'train', name: 'model', machine: 'far', path: path ?? '', files: below };
  };
  const inputsThere = async () => (await readdir(join(root, 'inputs'))).filter((name) => !name.startsWith('.')).sort();

  beforeAll(async () => {
    [server, folder] = await Promise.all([sshServer(), temporaryFolder()]);
  });
  beforeEach(async () => {
    count += 1;
    state = stateDirectory(join(folder.path, `state-${count}`));
    root = join(server.home, `secpi-${count}`);
    notes.length = 0;
    await prepareStateDirectory(state);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('are where a job finds them that is given the same from here, and the job that made them is gone', async () => {
    const home = join(folder.path, 'twice');
    const options = { folder: home, keep: ['model'] };
    const { outputs, kept, exit } = await run(place(), job(), options);
    expect(Object.keys(outputs)).toEqual(['note']);
    expect(await readdir(join(home, 'fetched'))).toEqual(['note']);
    expect(await readdir(join(root, 'jobs'))).toEqual([]);
    expect(notes).toContain('model, 0.0 GiB, stays on far');
    await folder.write('same/model/weights', 'one');
    await folder.write('same/model/deep/b', 'two');
    const same = join(folder.path, 'same', 'model');
    const { digest } = await manifestOf(same, hashAll, never);
    expect(kept.model).toMatchObject({ machine: 'far', path: join(root, 'inputs', digest, 'model') });
    const before = await stat(join(kept.model?.path ?? '', 'weights'));
    const { model: brought = '' } = await place().bring({ model: same }, never);
    expect(join(server.home, brought)).toBe(kept.model?.path);
    expect((await stat(join(kept.model?.path ?? '', 'weights'))).ino).toBe(before.ino);
    // Nothing is asked of the host any more; and what stays there is known, although it is part of no artifact yet.
    expect(await run(place({ host: 'nowhere.invalid' }), job(), options)).toMatchObject({ outputs, kept, exit });
    const handle = await readHandle(join(home, 'handle.json'));
    expect(handle?.place).toBe('far');
    expect((await knownJobs(folder.path)).kept).toEqual([kept.model]);
  });

  it('come here all the same when somebody has changed his mind after they were moved', async () => {
    const spec = job();
    const home = join(folder.path, 'mind');
    const about = { key: `mind-${process.pid}`, folder: home, signal: never, onEvent: () => undefined, onNote };
    const stopped = new Error('cut off');
    const cutOff: Place = {
      ...place(),
      fetch: () => Promise.reject(stopped),
    };
    await expect(runJob(cutOff, spec, { ...about, keep: ['model'] })).rejects.toBe(stopped);
    expect(await inputsThere()).toHaveLength(1);
    const { outputs, kept } = await runJob(place(), spec, about);
    expect(kept).toEqual({});
    expect(await readFile(join(outputs.model ?? '', 'deep', 'b'), 'utf8')).toBe('two');
  });

  it('are made again when they are gone before anybody has heard of them', async () => {
    const about = {
      key: `gone-${process.pid}`,
      folder: join(folder.path, 'gone'),
      signal: never,
      onEvent: () => undefined,
    };
    const cutOff: Place = { ...place(), fetch: () => Promise.reject(new Error('cut off')) };
    const options = { ...about, onNote, keep: ['model'] };
    await expect(runJob(cutOff, job(), options)).rejects.toThrow('cut off');
    await rm(join(root, 'inputs'), { recursive: true });
    const { kept } = await runJob(place(), job(), options);
    expect(await readFile(join(kept.model?.path ?? '', 'weights'), 'utf8')).toBe('one');
  });

  it('reach a job there without a byte, one here and one on another host by way of here, once', async () => {
    const model = await kept();
    const { ino } = await stat(join(model.path, 'weights'));
    const inputs = await inputsThere();
    const there = await run(place({ bringHere: nobody().bringHere }), job({ model }));
    expect(await readFile(there.outputs.note ?? '', 'utf8')).toBe('onetwo');
    expect([await inputsThere(), (await stat(join(model.path, 'weights'))).ino]).toEqual([inputs, ino]);
    expect(await readdir(join(state.root, 'objects'))).toEqual([]);

    notes.length = 0;
    const local = here({ python: async () => 'python3', env: {}, queue: null, bringHere: source().bringHere });
    expect(await readFile((await run(local, job({ model }))).outputs.note ?? '', 'utf8')).toBe('onetwo');
    expect(notes).toEqual(['bringing model of train here, 0.0 GiB from far']);
    expect(await readdir(join(state.root, 'objects'))).toEqual([objectOf(model)]);
    expect(await readdir(state.staging)).toEqual([]);

    // Another machine, as far as names go; nobody could fetch it again.
    await writeFile(
      `${server.config}-other`,
      (await readFile(server.config, 'utf8')).replace('Host far', 'Host other'),
    );
    const other = {
      host: 'other',
      config: `${server.config}-other`,
      root: `${basename(root)}-other`,
      bringHere: nobody().bringHere,
    };
    expect(await readFile((await run(place(other), job({ model }))).outputs.note ?? '', 'utf8')).toBe('onetwo');
    expect(await readdir(join(`${root}-other`, 'inputs'))).toContain(model.path.split('/').at(-2));
  });

  it('are missed in one sentence, before anything is begun', async () => {
    const model = await kept();
    const place_ = place();
    await rm(join(model.path, 'deep', 'b'));
    const gone = {
      code: 'compute/bytes-gone',
      message: `model of train lies on far (${model.path}), and is not whole there any more`,
      hint: expect.stringContaining('--force train'),
    };
    await expect(run(place_, job({ model }))).rejects.toMatchObject(gone);
    await expect(source().assertThere(model, never)).rejects.toMatchObject(gone);
    await expect(source().bringHere(model, never, onNote)).rejects.toMatchObject(gone);
    expect(await readdir(join(root, 'jobs')).catch(() => [])).toEqual([]);
    await expect(nobody().assertThere(model, never)).rejects.toMatchObject({
      code: 'compute/no-way-there',
      message: `model of train lies on far (${model.path}), and nothing under \`compute\` leads there`,
    });
  });

  it('are put back there when there is a copy here', async () => {
    const model = await kept();
    await source().bringHere(model, never, onNote);
    await rm(join(model.path, 'deep', 'b'));
    await source().assertThere(model, never);
    expect(await readFile((await run(place(), job({ model }))).outputs.note ?? '', 'utf8')).toBe('onetwo');
    expect(await readFile(join(model.path, 'deep', 'b'), 'utf8')).toBe('two');
  });

  it('are not taken for what they were when a byte of them was changed', async () => {
    const model = await kept();
    await writeFile(join(model.path, 'weights'), 'One');
    await expect(source().bringHere(model, never, onNote)).rejects.toMatchObject({
      code: 'compute/transfer-failed',
      message: 'weights did not arrive as it was sent',
      hint: expect.stringMatching(/what lies on far is not what it was: .*--force train/),
    });
    expect(await readdir(join(state.root, 'objects'))).toEqual([]);
    // Made again, the good ones take the place of the bad ones.
    expect((await kept()).path).toBe(model.path);
    const path = await source().bringHere(model, never, onNote);
    expect(await readFile(join(path, 'weights'), 'utf8')).toBe('one');
    // So is a copy here that somebody has damaged.
    await rm(join(path, 'weights'));
    await writeFile(join(path, 'weights'), 'Two');
    expect(await readFile(join(await source().bringHere(model, never, onNote), 'weights'), 'utf8')).toBe('one');
  });

  it('are brought once by those who want them at the same time, and go on where they were cut off', async () => {
    const model = await kept();
    // Half of it came before somebody was killed.
    const staged = join(state.staging, `${objectOf(model)}.fetched`, 'model');
    await mkdir(staged, { recursive: true });
    await writeFile(join(staged, 'weights'), 'on');
    const both = [1, 2].map(() => source().bringHere(model, never, onNote));
    const [first, second] = await Promise.all(both);
    expect(first).toBe(second);
    expect(await readFile(join(first ?? '', 'weights'), 'utf8')).toBe('one');
    expect(notes.filter((note) => note.startsWith('bringing'))).toHaveLength(1);
  });

  it.skipIf(!hasSlurm)('stay on the disk of a cluster that is reached over ssh', async () => {
    await using cluster = await slurmCluster();
    await using login = await sshServer({ variables: { SLURM_CONF: cluster.conf } });
    const queue = { flags: ['--partition=low', '--time=10'], requeues: 3 };
    const far = place({ config: login.config, queue, bringHere: nobody().bringHere });
    const { model } = (await run(far, job(), { keep: ['model'] })).kept;
    if (model === undefined) throw new Error('it was not kept');
    expect(
      await readFile(
        join(login.home, basename(root), 'inputs', model.path.split('/').at(-2) ?? '', 'model', 'weights'),
        'utf8',
      ),
    ).toBe('one');
    const { outputs } = await run(far, job({ model: { stage: 'train', name: 'model', ...model } }));
    expect(await readFile(outputs.note ?? '', 'utf8')).toBe('onetwo');
  });
});
