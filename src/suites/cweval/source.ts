import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { SecpiError } from '../../base/errors.js';
import type { SuiteFiles, SuiteSetUp } from '../module.js';
import { gitBlobOf, gitTreeOf } from './git-tree.js';

/** The benchmark that verdicts are about, and what of it is taken. */
export const PIN = {
  repository: 'https://github.com/Co1lin/CWEval.git',
  commit: 'e9a2a124c8c53679b6d8d27adfd2f6c40e7576d7',
  tree: '53bff27eba11fc0cb4241f0723f5517c0f50de1b',
  folders: {
    benchmark: '072b4534d2b3bbc6b297bcabafad949aa1b2e2db',
    cweval: '5db5eff859a1ff9da7adee75409d06929b2f79a9',
  },
  files: {
    LICENSE: '261eeb9e9f8b2b4b0d119366dda99c6fd7d35c64',
    'go.mod': 'fde632367f673378dee7b0cc0ccefb2216b8dfce',
    'go.sum': 'fe4f83d544b9cf01ca5ff3f5ff0e62195b969c30',
  },
} as const;

/** The program that judges regular expressions: 30 MB, which mirrors may lack. */
export const RECHECK = 'third_party/recheck-linux-x64';

/**
 * The folder with CWEval's files at the pin. What is there is compared with it each time.
 * @throws SecpiError `suites/not-set-up`; `suites/bad-source` where it is not what the pin says.
 */
export async function pinnedSource(files: SuiteFiles): Promise<string> {
  const folder = sourceFolder(files);
  if (!existsSync(folder)) {
    throw new SecpiError('suites/not-set-up', `CWEval at ${PIN.commit.slice(0, 12)} is not set up on this machine`, {
      hint: '`secpi suites setup cweval` fetches it and makes what its tests need, once.',
    });
  }
  await checkPinned(folder);
  return folder;
}

/**
 * Fetches it into the cache where it is missing: from its repository, or from what git can clone.
 * @throws SecpiError `suites/not-fetched` with git's own words; `suites/bad-source` where it is not what the pin says.
 */
export async function fetchSource(use: Omit<SuiteSetUp, 'say'>): Promise<string> {
  const folder = sourceFolder(use);
  if (!existsSync(folder)) await fetchTo(folder, use);
  await checkPinned(folder);
  return folder;
}

function sourceFolder({ cacheFolder }: SuiteFiles): string {
  return join(cacheFolder, 'sources', `cweval-${PIN.commit.slice(0, 12)}`);
}

/** @throws SecpiError `suites/bad-source` */
async function checkPinned(folder: string): Promise<void> {
  const trees = Object.entries(PIN.folders).map(async ([name, id]) => ({ name, ok: (await treeOf(name)) === id }));
  const blobs = Object.entries(PIN.files).map(async ([name, id]) => ({ name, ok: (await blobOf(name)) === id }));
  const wrong = (await Promise.all([...trees, ...blobs])).filter(({ ok }) => !ok);
  if (wrong.length === 0) return;
  const names = wrong.map(({ name }) => name).join(', ');
  throw new SecpiError('suites/bad-source', `this is not CWEval at ${PIN.commit.slice(0, 12)}: ${names} in ${folder}`, {
    hint: 'Remove that folder: it is fetched again.',
  });

  function treeOf(name: string): Promise<string | null> {
    return gitTreeOf(join(folder, name)).catch(() => null);
  }
  function blobOf(name: string): Promise<string | null> {
    return gitBlobOf(join(folder, name)).catch(() => null);
  }
}

async function fetchTo(folder: string, { source = PIN.repository, ...use }: Omit<SuiteSetUp, 'say'>): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const repository = join(unfinished, 'repository');
    const git = (...args: readonly string[]) => runGit(args, unfinished, use);
    if (source.startsWith('/')) {
      // Links files, and so gets along without those that a mirror lacks.
      await git('clone', '--quiet', '--bare', '--no-tags', '--', source, repository);
    } else {
      await git('init', '--quiet', '--bare', repository);
      await git('-C', repository, 'fetch', '--quiet', '--depth=1', '--no-tags', '--', source, PIN.commit);
    }
    const tree = (await git('-C', repository, 'rev-parse', '--verify', `${PIN.commit}^{tree}`)).trim();
    if (tree !== PIN.tree) throw notFetched(`the commit ${PIN.commit} holds ${tree}`);
    const checkout = join(unfinished, 'checkout');
    await mkdir(checkout);
    const take = [
      '-C',
      repository,
      '-c',
      'core.autocrlf=false',
      `--work-tree=${checkout}`,
      'checkout',
      PIN.commit,
      '--',
    ];
    await git(...take, ...Object.keys(PIN.folders), ...Object.keys(PIN.files));
    // Of a repository without it the suite can do; see the pack.
    await git(...take, RECHECK).catch(() => undefined);
    await checkPinned(checkout);
    await rename(checkout, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // another secpi was first
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

type RunContext = Pick<SuiteSetUp, 'variables' | 'signal'>;

async function runGit(args: readonly string[], cwd: string, { variables, signal }: RunContext): Promise<string> {
  const { exitCode, stdout, stderr, failed } = await execa('git', args, {
    cwd,
    // Asks nobody for a password, and reads no helper of an unknown kind (`ext::`).
    env: { ...variables, GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'file:https:ssh', LC_ALL: 'C' },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (failed || exitCode !== 0) throw notFetched(String(stderr ?? '').trim() || 'git is not there');
  return stdout;
}

function notFetched(why: string): SecpiError {
  return new SecpiError('suites/not-fetched', `CWEval cannot be fetched: ${why}`, {
    hint: 'Without a way to github.com, name a clone or a mirror: `secpi suites setup cweval --source PATH`.',
  });
}
