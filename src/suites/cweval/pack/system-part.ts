import { execa } from 'execa';
import { SecpiError } from '../../../base/errors.js';
import type { SetUpContext } from '../../../setup/set-up-step.js';

/** A library that C and C++ answers are built with: a header that shows that it is there, and who brings it. */
const LIBRARIES = [
  { header: 'jwt.h', package: 'libjwt-dev' },
  { header: 'archive.h', package: 'libarchive-dev' },
  { header: 'libxml/parser.h', package: 'libxml2-dev' },
  { header: 'sqlite3.h', package: 'libsqlite3-dev' },
  { header: 'openssl/evp.h', package: 'libssl-dev' },
] as const;

const PROGRAMS = [
  { program: 'gcc', package: 'gcc' },
  { program: 'g++', package: 'g++' },
  { program: 'npm', package: 'npm' },
] as const;

/**
 * Looks for the compilers and libraries that come from the system, and gives the versions of those that Debian knows.
 * @throws SecpiError `suites/cweval-needs` with the line that installs what is missing.
 */
export async function findLibraries({ environment }: SetUpContext): Promise<Readonly<Record<string, string>>> {
  const options = { env: { ...environment }, extendEnv: false, reject: false } as const;
  const missing: string[] = [];
  for (const { program, package: name } of PROGRAMS) {
    if ((await execa(program, ['--version'], { ...options, stdin: 'ignore' })).failed) missing.push(name);
  }
  for (const { header, package: name } of missing.includes('gcc') ? [] : LIBRARIES) {
    // libxml2's headers lie where only xml2-config says.
    const command = 'gcc -E -x c $(xml2-config --cflags 2>/dev/null) - >/dev/null';
    const { failed } = await execa('/bin/sh', ['-c', command], { ...options, input: `#include <${header}>\n` });
    if (failed) missing.push(name);
  }
  if (missing.length > 0) {
    throw new SecpiError('suites/cweval-needs', `CWEval needs what is not installed here: ${missing.join(', ')}`, {
      hint: `On Debian and Ubuntu: apt-get install -y --no-install-recommends ${missing.join(' ')}`,
    });
  }
  const names = ['gcc', 'g++', ...LIBRARIES.map((library) => library.package)];
  const { stdout } = await execa('dpkg-query', ['-W', '-f', '${binary:Package} ${Version}\n', ...names], {
    ...options,
    stdin: 'ignore',
  });
  return Object.fromEntries(
    String(stdout ?? '')
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([name, version]) => (name && version ? [[name, version]] : [])),
  );
}
