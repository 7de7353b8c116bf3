import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findMemoryGroups, removeLeft } from '../../../src/sandbox/memory/groups.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** What /proc says of a process in a group, with folders in place of the kernel's. */
async function machine(version: 1 | 2, handsOn: readonly string[]) {
  const folder = await temporaryFolder();
  const root = join(folder.path, 'groups');
  const own = join(root, 'user/app/scope');
  mkdirSync(own, { recursive: true });
  for (const path of ['', 'user', 'user/app', 'user/app/scope']) {
    const controllers = handsOn.includes(path) ? 'cpu memory pids' : 'cpu';
    writeFileSync(join(root, path, 'cgroup.subtree_control'), `${controllers}\n`);
  }
  const type = version === 1 ? 'cgroup cgroup rw,memory' : 'cgroup2 cgroup2 rw';
  await folder.write('mountinfo', `22 1 0:20 / /proc rw - proc proc rw\n30 1 0:26 / ${root} rw,relatime - ${type}\n`);
  await folder.write('cgroup', version === 1 ? '4:memory:/user/app/scope\n3:cpu:/\n0::/\n' : '0::/user/app/scope\n');
  return { folder, root };
}

it('makes groups beside that of secpi, where the nearest one hands on memory', async () => {
  const { folder, root } = await machine(2, ['', 'user', 'user/app']);
  await using _ = folder;
  // Folders have none of the kernel's files.
  expect(findMemoryGroups(folder.path)).toBeNull();
  const made = (path: string) => readdirSync(join(root, path)).filter((name) => name.startsWith('secpi-'));
  expect([made('user/app/scope').length, made('user/app').length]).toEqual([0, 1]);
  const [group = ''] = made('user/app');
  expect(readFileSync(join(root, 'user/app', group, 'memory.max'), 'utf8')).toBe(String(1 << 30));
});

it('removes at once what a secpi has left that is gone, and what another container may use only after an hour', async () => {
  const { folder, root } = await machine(1, []);
  await using _ = folder;
  const place = join(root, 'user/app/scope');
  // In real ones are files, and they can be removed all the same.
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  const started = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[19];
  const [mine, gone, used] = [`${process.pid}-${started}`, '4194305-1', `${process.pid}-1`];
  for (const owner of [mine, gone, used]) mkdirSync(join(place, `secpi-${namespace}-${owner}-ab`));
  mkdirSync(join(place, 'secpi-1-1-1-new'));
  mkdirSync(join(place, 'secpi-1-1-1-old'));
  utimesSync(join(place, 'secpi-1-1-1-old'), 1, 1);
  removeLeft(place);
  expect(
    readdirSync(place)
      .filter((name) => name.startsWith('secpi-'))
      .sort(),
  ).toEqual(['secpi-1-1-1-new', `secpi-${namespace}-${mine}-ab`].sort());
});

it('makes none where nobody hands on memory', async () => {
  const { folder, root } = await machine(2, []);
  await using _ = folder;
  expect(findMemoryGroups(folder.path)).toBeNull();
  expect(readdirSync(join(root, 'user/app')).some((name) => name.startsWith('secpi-'))).toBe(false);
});

it('makes them below that of secpi with version 1', async () => {
  const { folder, root } = await machine(1, []);
  await using _ = folder;
  findMemoryGroups(folder.path);
  const [group = ''] = readdirSync(join(root, 'user/app/scope')).filter((name) => name.startsWith('secpi-'));
  expect(existsSync(join(root, 'user/app/scope', group, 'memory.limit_in_bytes'))).toBe(true);
});
