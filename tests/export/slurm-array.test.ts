import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/hash.js';
import { checksumLine } from '../../src/export/checksums.js';
import { slurmScript } from '../../src/export/slurm.js';
import { hasSlurm, slurmCluster } from '../support/slurm-cluster.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { clusterJob } from './cluster-job.js';
import { hostileText } from './hostile-text.js';
import { ended, submitted, UNTIL_TOLD, until } from './submitted-job.js';

const options = { sbatch: [], before: [] };
const members = ['seed=1', 'seed=2', 'seed=3'];

/** What Slurm sets for one task of an array. The last one to begin has the array's own id. */
function task(index: number, { array = 7, count = 3 } = {}) {
  return {
    SLURM_JOB_ID: String(index === count - 1 ? array : array + 1 + index),
    SLURM_ARRAY_JOB_ID: String(array),
    SLURM_ARRAY_TASK_ID: String(index),
    SLURM_ARRAY_TASK_COUNT: String(count),
  };
}

describe('a sweep for Slurm', () => {
  it('is an array of one task for each member, with a log for each, at most so many at once', () => {
    const header = (script: string) => [...script.matchAll(/^#SBATCH (.+)$/gm)].map(([, option = '']) => option);
    const job = clusterJob({ members });
    expect(header(slurmScript(job, options))).toEqual(expect.arrayContaining(['--array=0-2', '--output=%x-%A_%a.log']));
    expect(header(slurmScript(job, { ...options, atOnce: 2 }))).toContain('--array=0-2%2');
    expect(header(slurmScript(clusterJob(), options)).filter((option) => option.startsWith('--array'))).toEqual([]);
  });

  it('hands each task its member, whatever that is called, and runs nothing of it', async () => {
    const { folder, start, read } = await submitted('printf "%s" "$3" > "member$SLURM_ARRAY_TASK_ID"');
    await using _folder = folder;
    const secpi = join(folder.path, 'bin', 'secpi');
    const names = fc.array(hostileText, { minLength: 2, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(names, async (all) => {
        const members = all.map((name) => name.replaceAll('\0', '').toWellFormed());
        await folder.write('job.sbatch', slurmScript(clusterJob({ secpi, members }), options));
        const index = members.length - 1;
        expect(await ended(start(task(index, { count: members.length })))).toBe(0);
        expect(await read(`member${index}`)).toBe(`--member=${members[index]}`);
        expect(await readdir(folder.path)).not.toContain('canary');
      }),
      { numRuns: 20 },
    );
    expect(await ended(start(task(20)))).toBe(2);
    expect(await ended(start())).toBe(2);
    const most = slurmScript(
      clusterJob({ members: Array.from({ length: 256 }, (_, seed) => `seed=${seed}`) }),
      options,
    );
    expect(spawnSync('bash', ['-n'], { input: most, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([0, 1, 3])('has tasks that end as their member does, with %i', async (code) => {
    const { folder, start, read } = await submitted(`exit ${code}`, { members });
    await using _folder = folder;
    expect(await ended(start(task(1)))).toBe(code);
    expect(await read('started')).toBe('run recipe.yaml --member=seed=2\n');
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false);
  });

  it('takes no value of a variable for the name of a member, whatever the variable is called', async () => {
    const { folder, start, read } = await submitted('echo "$member" > value', {
      members,
      variables: ['marks', 'member'],
    });
    await using _folder = folder;
    for (const name of ['marks', 'member']) await chmod(await folder.write(`secrets/${name}`, 'canary\n'), 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    expect(await ended(start(task(1)))).toBe(0);
    expect(await read('started')).toBe('run recipe.yaml --member=seed=2\n');
    expect(await readdir(folder.path)).not.toContain('canary');
  });

  it('queues a task whose time is up again, and none of the others', async () => {
    const { folder, start, read } = await submitted(UNTIL_TOLD, { members });
    await using _folder = folder;
    const last = start(task(2));
    await until(async () => (await read('ready')) !== undefined);
    last.kill('SIGUSR2');
    await ended(last);
    expect(await read('told')).toBe('TERM\n');
    expect(await read('asked')).toBe('requeue 7_2\n');
  });

  it('has its files hashed by one of the tasks that begin together, and none in the way of another', async () => {
    const recipe = { text: 'name: r\n', inputs: [{ from: '/x', to: 'inputs/1/rows' }], variables: [] };
    const { folder, program, start, read } = await submitted('', { members, recipe });
    await using _folder = folder;
    await program('sha256sum', `echo hashed >> ../hashed\nsleep 0.3\nPATH=\${PATH#*:} exec sha256sum "$@"\n`);
    await folder.write('inputs/1/rows', 'rows');
    await folder.write('inputs/SHA256SUMS', checksumLine(sha256('rows'), '1/rows'));
    const all = await Promise.all(members.map((_, index) => ended(start(task(index)))));
    expect({ all, hashed: await read('hashed') }).toEqual({ all: [0, 0, 0], hashed: 'hashed\n' });
    expect(await read('recipe.yaml')).toBe('name: r\n');
    expect((await readdir(folder.path)).filter((name) => name.includes('.new'))).toEqual([]);
  });

  it('keeps its secrets until the last task has ended', async () => {
    const body = `echo "$A_KEY" >> seen\nif [ -e wait ]; then\n${UNTIL_TOLD}fi\n`;
    const { folder, start, read } = await submitted(body, { members, variables: ['A_KEY'] });
    await using _folder = folder;
    const secret = await folder.write('secrets/A_KEY', 'a-key\n');
    await chmod(secret, 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    // Of an array that was cancelled: two of its tasks had ended.
    for (const index of [1, 2]) expect(await ended(start(task(index, { array: 3 })))).toBe(0);

    expect(await ended(start(task(0)))).toBe(0);
    // Ended, lost before Slurm knew, and begun again.
    expect(await ended(start(task(1)))).toBe(0);
    await folder.write('wait', '');
    const requeued = start(task(1));
    await until(async () => (await read('ready')) !== undefined);
    requeued.kill('SIGUSR2');
    await ended(requeued);
    expect(await read('asked')).toBe('requeue 7_1\n');
    await rm(join(folder.path, 'wait'));
    expect(await ended(start(task(2)))).toBe(0);
    expect(existsSync(secret)).toBe(true);

    expect(await ended(start(task(1)))).toBe(0);
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false);
    expect(await read('seen')).toBe('a-key\n'.repeat(7));
  });

  it('deletes its secrets also when its tasks end together, and spoils no exit code', async () => {
    const { folder, start } = await submitted(
      'touch "up$SLURM_ARRAY_TASK_ID"\nuntil [ -e up0 -a -e up1 -a -e up2 ]; do :; done\n',
      {
        members,
        variables: ['A_KEY'],
      },
    );
    await using _folder = folder;
    await chmod(await folder.write('secrets/A_KEY', 'a-key\n'), 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    const all = await Promise.all(members.map((_, index) => ended(start(task(index)))));
    expect({ all, secrets: existsSync(join(folder.path, 'secrets')) }).toEqual({ all: [0, 0, 0], secrets: false });
  });
});

describe.skipIf(!hasSlurm)('a sweep for Slurm, given to a real one', () => {
  it('runs two at once, queues one task alone again, and ends each as its member does', async () => {
    await using slurm = await slurmCluster();
    await using folder = await temporaryFolder();
    const secpi = await folder.write(
      'secpi',
      `#!/bin/bash
echo "$3 $A_KEY \${SLURM_RESTART_COUNT:-0}" >> started
touch "up$SLURM_ARRAY_TASK_ID"
case "$SLURM_ARRAY_TASK_ID" in
0) until [ -e up1 ]; do sleep 0.05; done; ls up* > together ;;
1) until [ -e go ]; do sleep 0.05; done; exit 3 ;;
2) [ -z "\${SLURM_RESTART_COUNT:-}" ] || exit 1; ${UNTIL_TOLD} ;;
esac
`,
    );
    await chmod(secpi, 0o755);
    await chmod(await folder.write('secrets/A_KEY', 'a-key\n'), 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    const job = clusterJob({ secpi, members: ['seed=1', "a'$(touch canary)", 'seed=3'], variables: ['A_KEY'] });
    await folder.write('job.sbatch', slurmScript(job, { ...options, atOnce: 2 }));
    const said = async (program: string, ...args: string[]) =>
      (await slurm.command(program, args, folder.path)).stdout.trim();
    const id = await said('sbatch', '--parsable', 'job.sbatch');
    const read = (name: string) => readFile(join(folder.path, name), 'utf8').catch(() => '');
    const state = (index: number) => said('squeue', '-h', '-r', '-t', 'all', '-j', `${id}_${index}`, '-o', '%T');

    await until(async () => existsSync(join(folder.path, 'ready')) && (await state(0)) === 'COMPLETED');
    // Slurm has given the last one the id of the array, and would take that for all of them.
    expect(await said('squeue', '-h', '-r', '-t', 'all', '-j', `${id}_2`, '-o', '%A')).toBe(id);
    await said('scancel', '--signal=USR2', '--batch', `${id}_2`);
    await until(async () => (await state(2)) === 'PENDING');
    expect([await state(0), await state(1)]).toEqual(['COMPLETED', 'RUNNING']);
    expect(existsSync(join(folder.path, 'secrets', 'A_KEY'))).toBe(true);
    // Slurm would let two minutes go by. In the same second the node would take it for the one that was ended.
    await said('scontrol', 'update', `JobId=${id}_2`, 'StartTime=now+3');
    await until(async () => (await state(2)) === 'FAILED');
    expect(existsSync(join(folder.path, 'secrets', 'A_KEY'))).toBe(true);
    await folder.write('go', '');
    await until(async () => (await state(1)) === 'FAILED');

    expect((await read('started')).split('\n').toSorted()).toEqual([
      '',
      "--member=a'$(touch canary) a-key 0",
      '--member=seed=1 a-key 0',
      '--member=seed=3 a-key 0',
      '--member=seed=3 a-key 1',
    ]);
    expect(await read('together')).toBe('up0\nup1\n');
    expect(await read(`secpi-r-${id}_0.log`)).toBe('member seed=1\n');
    expect(await readdir(folder.path)).not.toEqual(expect.arrayContaining(['canary']));
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false);
  });
});
