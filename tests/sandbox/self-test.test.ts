import { chmodSync, constants, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startProcess } from '../../src/base/processes/child-process.js';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { packFolder } from '../../src/sandbox/packs.js';
import type { SandboxLevel } from '../../src/sandbox/sandbox.js';
import { type SelfTestResult, selfTest } from '../../src/sandbox/self-test.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { delegateGroup } from './delegated-group.js';
import { describeSandbox, never } from './real-sandbox.js';

/** Tried in each way in which code is run. */
const ALWAYS = [
  'reach the network',
  'read host files',
  'read host environment and processes',
  'use inherited descriptors',
  'write outside the work folder',
  'find devices',
  'plant links for the host to read',
  'hold on to a file that is read back',
  'keep privileges',
  'make a user namespace',
  'fork bomb',
  'leave a process behind',
  'outlive the clock',
  'flood the output',
  'steer the first process',
  'end other processes',
  'become another user',
  'raise its limits',
  'write a large file',
  'open files without number',
  'take too much memory',
  'take too much memory with many processes',
  'take memory in a process that looks ended',
  'take memory in a process that may not be looked at',
  'fill the places in memory',
  'hide memory in attributes of files',
  'end last when memory is out',
];
const FILTERED = [
  'open unusual sockets',
  'make calls that are refused',
  'make calls of another architecture',
  'take memory that nobody counts',
];
const ONCE = ['make files without number', 'use up the processor'];
const BUILDS = {
  c: [
    'compile in a file of the host with gcc',
    'compile without end',
    'compile into a large file',
    'flood the output of a compiler',
  ],
  cpp: ['compile in a file of the host with g++', 'compile with all memory'],
} as const;

it('stands in the security model with each of its attacks', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/security-model.md'), 'utf8');
  const names = [...ALWAYS, ...FILTERED, ...ONCE, ...BUILDS.c, ...BUILDS.cpp];
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

interface Tried {
  readonly level: SandboxLevel;
  readonly languages: readonly string[];
  readonly results: readonly SelfTestResult[];
}

function expectAllHeld({ level, languages, results }: Tried, packs: string): void {
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const ways = ['', `, tracing${packs}`, ...(languages.includes('c') ? [', as a compiler'] : [])];
  const everyWay = level.seccomp ? [...ALWAYS, ...FILTERED] : ALWAYS;
  const builds = (['c', 'cpp'] as const).flatMap((language) => (languages.includes(language) ? BUILDS[language] : []));
  const expected = [...ways.flatMap((way) => everyWay.map((name) => name + way)), ...ONCE, ...builds];
  expect(results.map(({ name }) => name).sort()).toEqual(expected.sort());
}

const LANGUAGES = ['python', 'c', 'cpp'] as const;

/** A cache folder with a pack whose Python is none. */
async function withPack() {
  const cache = await temporaryFolder();
  const folder = packFolder(cache.path, 'one');
  mkdirSync(join(folder, 'files/bin'), { recursive: true });
  writeFileSync(join(folder, 'files/bin/python3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const mounts = [
    { from: 'files', to: '/opt/one' },
    { from: 'files', to: '/box/there' },
  ];
  writeFileSync(join(folder, 'pack.json'), JSON.stringify({ identity: '1', mounts, path: ['/opt/one/bin'] }));
  return cache;
}

/** The self-test of a secpi that an ordinary user runs. */
async function asOrdinaryUser(cacheFolder: string, entrance: string | null): Promise<Tried & { readonly uid: number }> {
  const source = join(import.meta.dirname, '../../src/sandbox');
  const program = join(cacheFolder, 'program.mts');
  writeFileSync(
    program,
    `import { openSandbox } from ${JSON.stringify(join(source, 'open-sandbox.ts'))};
     import { selfTest } from ${JSON.stringify(join(source, 'self-test.ts'))};
     const sandbox = await openSandbox({ languages: ${JSON.stringify(LANGUAGES)}, cacheFolder: ${JSON.stringify(cacheFolder)} });
     const results = await selfTest(sandbox, new AbortController().signal);
     const { level, toolchains } = sandbox;
     process.stdout.write(JSON.stringify({ uid: process.getuid(), level, languages: Object.keys(toolchains), results }));`,
  );
  // The Node that runs this may lie in root's home, where an ordinary user finds nothing.
  const node = join(cacheFolder, 'node');
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
  const enter = `${entrance === null ? '' : 'echo 0 >"$0"; '}exec setpriv --reuid=60999 --regid=60999 --clear-groups "$@"`;
  const child = await startProcess({
    argv: ['/bin/sh', '-c', enter, entrance ?? 'sh', node, '--import', import.meta.resolve('tsx'), program],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', TMPDIR: tmpdir() },
    stdout: { capture: { limitBytes: 1 << 20, overflow: 'stop' } },
    stderr: { capture: { limitBytes: 1 << 20, overflow: 'keep-tail' } },
    timeoutSeconds: 55,
  });
  const { stdout, stderr } = await child.exited;
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describeSandbox('selfTest', () => {
  // By the kernel where it does that, and without it, as for most users.
  it.each([true, false])('finds that every attack fails, with memory groups: %s', async (memoryGroups) => {
    await using cache = await withPack();
    const sandbox = await openSandbox({ languages: LANGUAGES, memoryGroups, cacheFolder: cache.path });
    const { level, toolchains } = sandbox;
    if (!memoryGroups) expect(level.memory).toBe('watched');
    const results = await selfTest(sandbox, never);
    expectAllHeld({ level, languages: Object.keys(toolchains), results }, ' and with packs');
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(!isRoot).each(['watched', 'cgroup'])(
    'finds the same when secpi runs as an ordinary user, with memory that is %s',
    async (memory) => {
      await using cache = await withPack();
      chmodSync(cache.path, 0o755);
      using group = memory === 'cgroup' ? delegateGroup(60999) : null;
      const tried = await asOrdinaryUser(cache.path, group?.entrance ?? null);
      expect(tried.uid).toBe(60999);
      // Where nothing can be handed over, memory is watched once more.
      expect(tried.level.memory).toBe(group === null ? 'watched' : memory);
      expectAllHeld(tried, ' and with packs');
    },
  );

  it('notices when there is no isolation', async () => {
    const open = await openSandbox({ languages: ['python', 'c'], bubblewrap: '/nonexistent/bwrap', allowNone: true });
    const failed = (await selfTest(open, never)).filter(({ ok }) => !ok).map(({ name }) => name);
    expect(failed).toEqual(
      expect.arrayContaining([
        'reach the network',
        'read host files',
        'find devices',
        'leave a process behind',
        'make a user namespace',
        'take too much memory with many processes',
        'take memory in a process that looks ended',
        'compile in a file of the host with gcc',
      ]),
    );
  });

  it('does not pass without Python', async () => {
    const sandbox = await openSandbox({ languages: [] });
    expect(await selfTest(sandbox, never)).toMatchObject([{ ok: false }]);
  });
});
