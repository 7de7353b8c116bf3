import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../../../base/errors.js';
import { openSandbox } from '../../../sandbox/open-sandbox.js';
import { isInBase } from '../../../sandbox/runs/base-system.js';
import { answerOf, runStep, type SetUpContext } from '../../../setup/set-up-step.js';
import { PACK } from '../judge.js';

/** Upstream takes the newest there is; which one decides how answers are completed. */
const GOIMPORTS = 'golang.org/x/tools/cmd/goimports@v0.29.0';

/** As old as CWEval's module says. */
const OLDEST_GO = [1, 23, 3] as const;

/** What Go's programs see in the sandbox; the keys of its cache depend on it. */
export const GO_ENV: Readonly<Record<string, string>> = {
  CGO_ENABLED: '1',
  GOENV: 'off',
  GOFLAGS: '',
  GOPATH: '/tmp/go',
  GOPROXY: 'off',
  GOSUMDB: 'off',
  GOTELEMETRY: 'off',
  GOTOOLCHAIN: 'local',
  GOCACHE: '/tmp/go-build',
};

export interface Go {
  readonly root: string;
  readonly version: string;
  readonly mounts: readonly string[];
}

/** @throws SecpiError `suites/cweval-needs` */
export async function findGo(context: SetUpContext): Promise<Go> {
  const local = { ...context, environment: { ...context.environment, GOTOOLCHAIN: 'local' } };
  const answer = await answerOf(['go', 'env', 'GOROOT', 'GOVERSION'], local).catch(() => undefined);
  const [root = '', version = ''] = (answer ?? '').trim().split('\n');
  const numbers = version.replace(/^go/, '').split('.').map(Number);
  const difference = OLDEST_GO.map((wanted, index) => (numbers[index] ?? 0) - wanted).find((step) => step !== 0) ?? 0;
  if (root === '' || !(difference >= 0)) {
    throw new SecpiError(
      'suites/cweval-needs',
      `CWEval needs Go ${OLDEST_GO.join('.')} or newer, and there is ${version || 'none'}`,
      {
        hint: 'Install it from https://go.dev/dl, since distributions have older ones, and put its bin folder on PATH.',
      },
    );
  }
  return { root, version, mounts: isInBase(root) ? [] : [root] };
}

/** Fetches CWEval's Go modules, and builds the program that completes imports. */
export async function goModules(folder: string, checkout: string, context: SetUpContext): Promise<void> {
  const scratch = join(folder, 'go', 'scratch');
  await mkdir(scratch, { recursive: true });
  for (const name of ['go.mod', 'go.sum']) await cp(join(checkout, name), join(scratch, name));
  // Modules that can be removed again without being root; no caches of the user's, which may not be readable by the sandbox.
  const settings = { GOFLAGS: '-modcacherw', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
  const go = (variables: Readonly<Record<string, string>>) => ({
    ...context,
    environment: { ...context.environment, ...settings, ...variables },
  });
  await runStep(['go', '-C', scratch, 'mod', 'download'], go({ GOMODCACHE: join(folder, 'go', 'mod') }));
  // In a cache of its own: goimports offers whatever modules it finds.
  const own = { GOMODCACHE: join(scratch, 'mod'), GOCACHE: join(scratch, 'build'), GOBIN: join(folder, 'bin') };
  await runStep(['go', 'install', GOIMPORTS], go(own));
  await rm(scratch, { recursive: true });
}

/** What is compiled beforehand besides the standard library: whatever CWEval's module lets answers import. */
const PACKAGES = [
  'github.com/ChrisTrenkamp/goxpath/...',
  'github.com/golang-jwt/jwt/v5/...',
  'github.com/mattn/go-sqlite3',
  'golang.org/x/crypto/bcrypt',
  'golang.org/x/crypto/pbkdf2',
  'golang.org/x/crypto/scrypt',
] as const;

const ARCHIVE = 'go-build.tar.gz';
const MIB = 1024 * 1024;

/**
 * Fills Go's cache in the sandbox, and takes it out as an archive: its keys hold paths and flags, and only there they are those of later runs.
 * `cache` is a cache folder in which the pack stands that the runs are shown.
 * @throws SecpiError `suites/cweval-go-cache` with the end of what Go says.
 */
export async function goCache(cache: string, folder: string, checkout: string, signal: AbortSignal): Promise<void> {
  const sandbox = await openSandbox({ cacheFolder: cache, languages: ['c'] });
  const files = ['go.mod', 'go.sum'].map(async (path) => ({ path, content: await readFile(join(checkout, path)) }));
  const script = [
    'umask 022',
    'mkdir work && export GOTMPDIR=$PWD/work',
    `go build std ${PACKAGES.join(' ')} || exit 1`,
    // The access times beside the entries are of no use.
    `tar -C "$GOCACHE" -czf ${ARCHIVE} .`,
  ].join('\n');
  const { ending, stderr, collected } = await sandbox.run(
    {
      toolchain: 'c',
      packs: [PACK],
      argv: ['/bin/sh', '-c', script],
      files: await Promise.all(files),
      limits: {
        wallSeconds: 1800,
        cpuSeconds: 1800,
        addressSpaceBytes: null,
        dataBytes: null,
        fileBytes: 256 * MIB,
        processes: 512,
      },
      collect: [ARCHIVE],
    },
    signal,
  );
  const archive = collected[ARCHIVE];
  if (ending.how !== 'exited' || ending.exitCode !== 0 || archive === undefined || !('bytes' in archive)) {
    throw new SecpiError(
      'suites/cweval-go-cache',
      `Go cannot compile its libraries in the sandbox: ${stderr.trim().slice(-2000) || ending.how}`,
    );
  }
  const target = join(folder, 'go', 'build');
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  const packed = join(folder, ARCHIVE);
  await writeFile(packed, archive.bytes);
  await runStep(['tar', '-C', target, '--no-same-owner', '-xzf', packed], {
    environment: { PATH: '/usr/bin:/bin' },
    say: () => undefined,
  });
  await rm(packed);
}
