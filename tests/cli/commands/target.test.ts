import { chmod, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJsonAtomic } from '../../../src/base/files/atomic-file.js';
import { packageRoot } from '../../../src/base/package-root.js';
import { hashAll } from '../../../src/compute/places/manifest.js';
import { sshPlace } from '../../../src/compute/places/ssh.js';
import { hasNvidiaGpu } from '../../../src/setup/python-environment.js';
import { countedJob, runCounted, runsOf } from '../../support/counted-job.js';
import { pythonForTests } from '../../support/python.js';
import { jsonLines, runCli } from '../../support/run-cli.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const DAY_MS = 86_400_000;
const long = new Date(Date.now() - 40 * DAY_MS);

describe.skipIf(!hasSshServer)('commands about a target', () => {
  let server: SshServer;
  let folder: TemporaryFolder;
  let root: string;
  beforeAll(async () => {
    [server, folder] = await Promise.all([sshServer(), temporaryFolder()]);
    root = join(server.home, 'secpi');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function run(args: readonly string[], ssh: object = {}, more: object = {}) {
    const far = { host: 'far', root, python: '/usr/bin/python3', device: 'cpu', disk_gib: 0, ...ssh };
    const recipe = {
      extends: join(packageRoot, 'recipes', 'quickstart.yaml'),
      compute: { here: { local: {} }, far: { ssh: far, node: process.execPath } },
      ...more,
    };
    // JSON is YAML.
    await writeFile(join(folder.path, 'r.yaml'), JSON.stringify(recipe));
    const all = [...args, '--recipe', 'r.yaml', '--json'];
    const { exitCode, stdout, stderr } = await runCli(all, {
      cwd: folder.path,
      env: { SECPI_SSH_CONFIG: server.config },
    });
    return { exitCode, stderr, lines: jsonLines(stdout) };
  }

  describe('secpi doctor --target', () => {
    it.skipIf(pythonForTests === undefined)('finds everything on a host that has it', async () => {
      const { exitCode, lines } = await run(['doctor', '--target', 'far'], { python: pythonForTests?.python });
      const wrong = lines.filter(({ required, state }) => required === true && state !== 'ok');
      expect(wrong).toEqual([]);
      expect(exitCode).toBe(0);
      expect(lines.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          'host',
          'cores, memory',
          'Python',
          'Python packages',
          'GPU',
          'containers',
          'rsync',
          'disk',
        ]),
      );
      expect(lines.find(({ name }) => name === 'clock')).toMatchObject({ state: 'ok' });
      expect(lines.at(-1)).toEqual({ type: 'doctor', ready: true, missing: [] });
    });

    it('opens the sandbox of a host that scores, attacks it, and asks for no packages where nothing else runs', async () => {
      // Not where other tests count what is there.
      const apart = { root: join(server.home, 'apart') };
      const scores = { evaluate: { score_on: 'far' } };
      const { exitCode, lines } = await run(['doctor', '--target', 'far'], apart, scores);
      const named = new Map(lines.map((line) => [line.name, line]));
      expect(named.has('Python packages')).toBe(false);
      expect(named.get('sandbox')).toMatchObject({ state: 'ok', detail: expect.stringContaining('bubblewrap') });
      expect(named.get('sandbox self-test')?.detail).toMatch(/^all \d+ attacks were stopped$/);
      expect(named.get('scoring Python')).toMatchObject({ state: 'ok' });
      expect(exitCode).toBe(0);
      expect(await readdir(join(apart.root, 'jobs'))).toEqual([]);
      const both = await run(['doctor', '--target', 'far'], apart, { ...scores, train: { on: 'far' } });
      expect(both.lines.at(-1)).toEqual({ type: 'doctor', ready: false, missing: ['Python packages'] });
    });

    it('asks for the packages of each trainer that a matrix has there', async () => {
      const more = { matrix: { 'train.trainer': ['axolotl', 'trl'] }, train: { on: 'far' } };
      const { lines } = await run(['doctor', '--target', 'far'], {}, more);
      // What can be told of their settings an environment here tells, and there is none.
      expect(
        lines.flatMap(({ name, state }) => (/packages|training/.test(String(name)) ? [[name, state]] : [])),
      ).toEqual([
        ['Axolotl packages', 'missing'],
        ['Python packages', 'missing'],
      ]);
    });

    it('says why the sandbox of a host that scores cannot be opened', async () => {
      const ssh = { host: 'far', root: join(server.home, 'apart'), python: 'python3', device: 'cpu' };
      const compute = { here: { local: {} }, far: { ssh, node: '/no/node' } };
      const { exitCode, lines } = await run(
        ['doctor', '--target', 'far'],
        {},
        { compute, evaluate: { score_on: 'far' } },
      );
      expect(exitCode).toBe(1);
      expect(lines.find(({ name }) => name === 'sandbox')).toMatchObject({
        state: 'missing',
        detail: expect.stringContaining('Node cannot be started on far'),
        advice: expect.stringContaining('`node` of that target'),
      });
    });

    it.skipIf(hasNvidiaGpu())('does not get through where a GPU is meant and there is none', async () => {
      const { exitCode, lines } = await run(['doctor', '--target', 'far'], { device: 'cuda' });
      expect(exitCode).toBe(1);
      expect(lines.at(-1)).toEqual({ type: 'doctor', ready: false, missing: ['Python packages', 'GPU'] });
    });

    it.each<[string, object, RegExp]>([
      ['a name that nobody knows', { host: 'nowhere.invalid' }, /^nobody knows a host of that name \(nowhere/],
      ['a user who may not log in', { host: 'stranger@far' }, /^it does not let you in without a question \(/],
      ['no such interpreter', { python: '/nowhere/python' }, /^there is no \/nowhere\/python on far/],
      ['a shell in place of Python', { python: '/bin/bash' }, /^\/bin\/bash on far is no Python 3\.9 or newer/],
      ['a program that says nothing', { python: '/bin/true' }, /^far was reached, and nothing there answered/],
      ['a root that cannot be made', { root: '/proc/secpi' }, /^nothing can be put into \/proc\/secpi on far/],
    ])('says in a sentence what is wrong: %s', async (_what, ssh, detail) => {
      const { exitCode, lines } = await run(['doctor', '--target', 'far'], ssh);
      expect(exitCode).toBe(1);
      expect(lines).toMatchObject([
        { name: 'host', state: 'missing', detail: expect.stringMatching(detail), advice: expect.any(String) },
        { type: 'doctor', ready: false, missing: ['host'] },
      ]);
    });

    it('says that a Python is too old to run the agent', async () => {
      const old = join(folder.path, 'old-python');
      await writeFile(
        old,
        '#!/bin/sh\n[ "$2" = - ] && exec python3 "$@"\n[ -e "$2" ] && echo "SyntaxError: future feature annotations is not defined" >&2 || echo "can\'t open file" >&2\nexit 1\n',
      );
      await chmod(old, 0o755);
      await rm(join(root, 'agent'), { recursive: true, force: true });
      const { lines } = await run(['doctor', '--target', 'far'], { python: old });
      expect(lines[0]).toMatchObject({ state: 'missing', detail: expect.stringMatching(/is no Python 3\.9 or newer/) });
    });

    it('names what it does not know', async () => {
      const noTarget = await run(['doctor', '--target', 'farther']);
      expect(noTarget).toMatchObject({ exitCode: 2, lines: [{ type: 'error', code: 'recipe/unknown-target' }] });
      const noRecipe = await runCli(['doctor', '--target', 'far'], { cwd: folder.path });
      expect(noRecipe).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--recipe') });
    });
  });

  describe('secpi gc --target', () => {
    const input = async (digit: string, used: Date): Promise<void> => {
      const path = join(root, 'inputs', digit.repeat(64));
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'data'), 'content');
      await utimes(path, used, used);
    };

    it('removes what nobody has used for long, and nothing that a running job uses', async () => {
      const home = join(folder.path, 'running');
      await mkdir(home);
      const data = join(home, 'data');
      await writeFile(data, 'used');
      const place = sshPlace({
        ...{
          host: 'far',
          config: server.config,
          root,
          python: '/usr/bin/python3',
          spareGib: 0,
          queue: null,
          hashFiles: hashAll,
        },
        env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
      });
      const script = `until [ -e "${home}/go" ]; do sleep 0.1; done; cp "{in:data}" "{work}/made"`;
      const spec = { ...countedJob(home, script), inputs: { data } };
      const running = runCounted(home, place, { spec });
      await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
      // As if it had been running for more than a month.
      for (const name of await readdir(join(root, 'inputs')))
        if (!name.startsWith('.')) await utimes(join(root, 'inputs', name), long, long);
      const used = (await readdir(join(root, 'inputs'))).filter((name) => !name.startsWith('.'));
      expect(used.length).toBe(1);
      await input('a', long);
      await input('b', new Date());

      const shown = await run(['gc', '--target', 'far']);
      const items = new Map(shown.lines.map((line) => [line.name, line]));
      expect(items.get(used[0])).toMatchObject({ kind: 'inputs', garbage: false });
      expect(items.get('a'.repeat(64))).toMatchObject({ kind: 'inputs', garbage: true, removed: false, bytes: 7 });
      expect(shown.lines.at(-1)).toMatchObject({ type: 'gc', target: 'far', removed: false, garbage_bytes: 7 });

      const cleared = await run(['gc', '--target', 'far', '--yes']);
      expect(cleared).toMatchObject({ exitCode: 0, stderr: '' });
      const left = (await readdir(join(root, 'inputs'))).filter((name) => !name.startsWith('.'));
      expect(left.sort()).toEqual([...used, 'b'.repeat(64)].sort());
      await writeFile(join(home, 'go'), '');
      expect((await running).exit.outcome).toBe('done');
    });

    it('keeps a job that some work folder here has a handle of', async () => {
      const job = join(root, 'jobs', 'secpi-train-0123456789abcdef');
      await mkdir(join(job, 'attempts'), { recursive: true });
      const handle = { schema: 1, place: 'far', folder: job, attempt: 1, attached: false, told: false };
      const known = join(folder.path, '.secpi', 'work', 'f'.repeat(64), 'job');
      await mkdir(known, { recursive: true });
      await writeJsonAtomic(join(known, 'handle.json'), handle);
      // What is asked of the agent says so; how old a job is, only time can make.
      const { lines } = await run(['gc', '--target', 'far']);
      expect(lines.find(({ name }) => name === 'secpi-train-0123456789abcdef')).toMatchObject({ garbage: false });
    });

    it('refuses what makes no sense', async () => {
      for (const [args, code] of [
        [['gc', '--target', 'far', '--unused-days', '0'], 'usage/unused-days'],
        [['gc', '--target', 'here'], 'usage/gc-target'],
      ] as const) {
        expect(await run(args)).toMatchObject({ exitCode: 2, lines: [{ type: 'error', code }] });
      }
    });
  });

  // Last: it puts another server in the place of this one.
  it('secpi doctor --target says that the host is another one, and that nobody listens', async () => {
    await server.changeHostKey();
    const changed = await run(['doctor', '--target', 'far']);
    expect(changed.lines[0]).toMatchObject({ detail: expect.stringMatching(/^it shows another host key than before/) });
    await server.kill();
    const refused = await run(['doctor', '--target', 'far']);
    expect(refused.lines[0]).toMatchObject({ detail: expect.stringMatching(/but no ssh server listens on that port/) });
    expect(refused.exitCode).toBe(1);
  });
});
