import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { SecpiError } from '../../base/errors.js';
import type { SuiteFiles, SuiteSetUp } from '../module.js';
import { gitBlobOf, gitTreeOf } from './git-tree.js';

/** A benchmark at one commit, and what of it is taken. Its identities are git's own. */
export interface Pin {
  /** The suite's name, for the cache and for whoever has to set it up. */
  readonly suite: string;
  /** What people call it. */
  readonly title: string;
  readonly repository: string;
  readonly commit: string;
  readonly tree: string;
  readonly folders: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** Large files that mirrors may lack: of a source without them the suite can do. */
  readonly optional: Readonly<Record<string, string>>;
}

/**
 * The folder with a benchmark's files at its pin. What is there is compared with it each time.
 * @throws SecpiError `suites/not-set-up`; `suites/bad-source` where it is not what the pin says.
 */
export async function pinnedSource(pin: Pin, files: SuiteFiles): Promise<string> {
  const folder = sourceFolder(pin, files);
  if (!existsSync(folder)) {
    throw new SecpiError(
      'suites/not-set-up',
      `${pin.title} at ${pin.commit.slice(0, 12)} is not set up on this machine`,
      {
        hint: `\`secpi suites setup ${pin.suite}\` fetches it and makes what its tests need, once.`,
      },
    );
  }
  await checkPinned(pin, folder);
  return folder;
}

/**
 * Fetches it into the cache where it is missing: from its repository, or from what git can clone.
 * @throws SecpiError `suites/not-fetched` with git's own words; `suites/bad-source` where it is not what the pin says.
 */
export async function fetchSource(pin: Pin, use: Omit<SuiteSetUp, 'say'>): Promise<string> {
  const folder = sourceFolder(pin, use);
  if (!existsSync(folder)) await fetchTo(pin, folder, use);
  await checkPinned(pin, folder);
  return folder;
}

/** Where it lies, or would lie. */
export function sourceFolder({ suite, commit }: Pin, { cacheFolder }: SuiteFiles): string {
  return join(cacheFolder, 'sources', `${suite}-${commit.slice(0, 12)}`);
}

/** @throws SecpiError `suites/bad-source` */
async function checkPinned(pin: Pin, folder: string): Promise<void> {
  const there = Object.entries(pin.optional).filter(([name]) => existsSync(join(folder, name)));
  const trees = Object.entries(pin.folders).map(async ([name, id]) => ({ name, ok: (await treeOf(name)) === id }));
  const blobs = [...Object.entries(pin.files), ...there].map(async ([name, id]) => ({
    name,
    ok: (await blobOf(name)) === id,
  }));
  const wrong = (await Promise.all([...trees, ...blobs])).filter(({ ok }) => !ok);
  if (wrong.length === 0) return;
  const names = wrong.map(({ name }) => name).join(', ');
  throw new SecpiError(
    'suites/bad-source',
    `this is not ${pin.title} at ${pin.commit.slice(0, 12)}: ${names} in ${folder}`,
    {
      hint: 'Remove that folder: it is fetched again.',
    },
  );

  function treeOf(name: string): Promise<string | null> {
    return gitTreeOf(join(folder, name)).catch(() => null);
  }
  function blobOf(name: string): Promise<string | null> {
    return gitBlobOf(join(folder, name)).catch(() => null);
  }
}

async function fetchTo(
  pin: Pin,
  folder: string,
  { source = pin.repository, ...use }: Omit<SuiteSetUp, 'say'>,
): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const repository = join(unfinished, 'repository');
    const git = (...args: readonly string[]) => runGit(pin, args, unfinished, use);
    if (source.startsWith('/')) {
      // Links files, and so gets along without those that a mirror lacks.
      await git('clone', '--quiet', '--bare', '--no-tags', '--', source, repository);
    } else {
      await git('init', '--quiet', '--bare', repository);
      await git('-C', repository, 'fetch', '--quiet', '--depth=1', '--no-tags', '--', source, pin.commit);
    }
    const tree = (await git('-C', repository, 'rev-parse', '--verify', `${pin.commit}^{tree}`)).trim();
    if (tree !== pin.tree) throw notFetched(pin, `the commit ${pin.commit} holds ${tree}`);
    const checkout = join(unfinished, 'checkout');
    await mkdir(checkout);
    const take = [
      '-C',
      repository,
      '-c',
      'core.autocrlf=false',
      `--work-tree=${checkout}`,
      'checkout',
      pin.commit,
      '--',
    ];
    await git(...take, ...Object.keys(pin.folders), ...Object.keys(pin.files));
    for (const path of Object.keys(pin.optional)) await git(...take, path).catch(() => undefined);
    await checkPinned(pin, checkout);
    await rename(checkout, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // another secpi was first
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

type RunContext = Pick<SuiteSetUp, 'variables' | 'signal'>;

async function runGit(
  pin: Pin,
  args: readonly string[],
  cwd: string,
  { variables, signal }: RunContext,
): Promise<string> {
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
  if (failed || exitCode !== 0) throw notFetched(pin, String(stderr ?? '').trim() || 'git is not there');
  return stdout;
}

function notFetched({ title, suite }: Pin, why: string): SecpiError {
  return new SecpiError('suites/not-fetched', `${title} cannot be fetched: ${why}`, {
    hint: `Without a way to github.com, name a clone or a mirror: \`secpi suites setup ${suite} --source PATH\`.`,
  });
}
