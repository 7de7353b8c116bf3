import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import type { JobFailure } from '../../../src/compute/jobs/run-job.js';
import { openTarget } from '../../../src/compute/open-target.js';
import { hashAll } from '../../../src/compute/places/manifest.js';
import type { Place } from '../../../src/compute/places/place.js';
import { sshPlace } from '../../../src/compute/places/ssh.js';
import { countedJob, lines, runCounted, runsOf } from '../../support/counted-job.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { tinyJob } from '../../support/tiny-job.js';

const never = new AbortController().signal;
const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };

describe.skipIf(!hasSshServer)('a host that is reached over ssh', () => {
  let server: SshServer;
  let folder: TemporaryFolder;
  let place: Place;
  let count = 0;
  const fresh = (): string => {
    count += 1;
    return join(folder.path, `job-${count}`);
  };
  const placeWith = (options: object = {}) =>
    sshPlace({
      host: 'far',
      config: server.config,
      env,
      root: join(server.home, 'secpi'),
      python: 'python3',
      queue: null,
      spareGib: 0,
      hashFiles: hashAll,
      ...options,
    });

  beforeAll(async () => {
    server = await sshServer();
    folder = await temporaryFolder();
    place = placeWith();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('runs a job that finds the agent there, and brings back what it made', async () => {
    const home = fresh();
    await mkdir(home);
    const { exit, outputs, heard } = await runCounted(home, place);
    expect({ heard, outcome: exit.outcome }).toEqual({ heard: lines, outcome: 'done' });
    expect(exit.outputs[0]?.path).toContain(join(server.home, 'secpi', 'jobs'));
    expect(await readFile(outputs.made ?? '', 'utf8')).toBe('made\n');
    // Nothing is left there, and nothing is asked of it any more.
    expect(await readdir(join(server.home, 'secpi', 'jobs'))).toEqual([]);
    expect(await runCounted(home, placeWith({ host: 'nowhere.invalid' }))).toEqual({
      ...{ exit, outputs, kept: {} },
      heard: [],
    });
    expect(await runsOf(home)).toEqual([1]);
  });

  it('runs it once although the connection goes, and tells every line once', async () => {
    const home = fresh();
    await mkdir(home);
    const script = 'for n in $(seq 100); do echo "more $n" >>"{events}"; sleep 0.03; done';
    const running = runCounted(home, place, { spec: countedJob(home, script) });
    await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
    await server.kill();
    await server.start();
    const { heard } = await running;
    expect(heard).toEqual([...lines, ...Array.from({ length: 100 }, (_, index) => `more ${index + 1}`)]);
    expect(await runsOf(home)).toEqual([1]);
  });

  it('brings inputs by content, once, and a tree comes back as it is there', async () => {
    const home = fresh();
    const tree = join(home, 'tree');
    await mkdir(join(tree, 'deep'), { recursive: true });
    await writeFile(join(tree, 'a'), 'one');
    await writeFile(join(tree, 'deep', 'b c'), 'two');
    const spec = {
      ...countedJob(home, 'cp -r "{in:tree}" "{work}/copy"; cat "{in:file}" >"{work}/copy/file"'),
      inputs: { tree, file: join(tree, 'a') },
      outputs: [{ name: 'copy', kind: 'tree', path: '{work}/copy' }],
    } as const;
    const { outputs } = await runCounted(home, place, { spec });
    const copy = outputs.copy ?? '';
    expect((await readdir(copy, { recursive: true })).sort()).toEqual(['a', 'deep', 'deep/b c', 'file']);
    expect(await readFile(join(copy, 'deep', 'b c'), 'utf8')).toBe('two');
    const brought = await place.bring({ tree }, never);
    expect(await place.bring({ tree }, never)).toEqual(brought);
    await writeFile(join(tree, 'a'), 'other');
    expect(await place.bring({ tree }, never)).not.toEqual(brought);
  });

  it.each([
    ['another byte', { 'tree/a': 'One' }],
    ['half of a file', { 'tree/a': 'on' }],
    ['a file that did not arrive', {}],
    ['a file that nobody sent', { 'tree/a': 'one', 'tree/b': 'more' }],
  ])('does not take for an input what arrived with %s', async (_what, arrived) => {
    await rm(join(server.home, 'brought'), { recursive: true, force: true });
    await mkdir(join(server.home, 'brought', 'tree'), { recursive: true });
    for (const [name, text] of Object.entries(arrived)) await writeFile(join(server.home, 'brought', name), text);
    const files = [{ path: 'tree/a', bytes: 3, sha256: sha256('one') }];
    const answers = place.ask('take', { partial: 'brought', final: 'taken', files }, never)[Symbol.asyncIterator]();
    await expect(answers.next()).rejects.toMatchObject({ code: 'job/bad-transfer' });
    expect(await readdir(server.home)).not.toContain('taken');
  });

  it('trains with nothing but the pinned packages', async () => {
    const home = fresh();
    await mkdir(home);
    // An interpreter without any of them.
    const python = '/usr/bin/python3';
    const ssh = {
      host: 'far',
      root: join(server.home, 'secpi'),
      device: 'cpu',
      python,
      threads: 1,
      disk_gib: 0,
    } as const;
    const variables = { ...process.env, SECPI_SSH_CONFIG: server.config };
    const target = openTarget({ ssh }, { python: () => Promise.reject(), variables });
    const running = target.runTrainer(await tinyJob(home, 1), { signal: never, onEvent: () => undefined });
    await expect(running).rejects.toMatchObject({
      code: 'compute/other-packages',
      message: expect.stringMatching(/on far has not what is pinned: accelerate is missing, and \d+ more/),
    });
  });

  it('stops a job that is cancelled', async () => {
    const home = fresh();
    await mkdir(home);
    const controller = new AbortController();
    const running = runCounted(home, place, { spec: countedJob(home, 'sleep 1000'), signal: controller.signal });
    await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  it('says how a job failed there', async () => {
    const home = fresh();
    await mkdir(home);
    const failure = await runCounted(home, place, { spec: countedJob(home, 'echo words; exit 3') }).catch(
      (error: JobFailure) => error as JobFailure,
    );
    expect(failure).toMatchObject({ tail: 'words', exit: { code: 3 } });
  });

  it.each([
    [
      'no such host',
      { host: 'nowhere.invalid' },
      'compute/unreachable',
      /nowhere\.invalid cannot be reached: .*resolve/,
    ],
    ['no such interpreter', { python: '/nowhere/python' }, 'compute/no-python', /there is no \/nowhere\/python on far/],
    [
      'a root that cannot be made',
      { root: '/proc/secpi' },
      'compute/no-agent',
      /nothing can be put into \/proc\/secpi/,
    ],
    ['a root with a space', { root: '/tmp/a b' }, 'compute/bad-path', /\/tmp\/a b/],
  ])('says in a sentence what is wrong: %s', async (_what, options, code, message) => {
    const home = fresh();
    await mkdir(home);
    await expect(runCounted(home, placeWith(options))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
    expect(await runsOf(home)).toEqual([]);
  });

  it('is refused when it shows another key than before, and when nobody listens', async () => {
    await server.changeHostKey();
    const home = fresh();
    await mkdir(home);
    await expect(runCounted(home, place)).rejects.toMatchObject({
      code: 'compute/unreachable',
      message: expect.stringMatching(/far cannot be reached: .*(?:verification failed|IDENTIFICATION HAS CHANGED)/i),
    });
    await server.kill();
    await expect(runCounted(home, place)).rejects.toMatchObject({
      code: 'compute/unreachable',
      message: expect.stringMatching(/Connection refused/),
    });
    expect(await runsOf(home)).toEqual([]);
  });
});
