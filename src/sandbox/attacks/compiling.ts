import { dirname } from 'node:path';
import type { BuildAttack } from './attack.js';

const MIB = 1024 * 1024;

/** Every way in which a compiler reads a file that its source or its options name. */
const READING = `
printf '#include "%s"\\nint main;\\n' "$1" >included.c; "$0" -E included.c
printf '__asm__(".incbin \\\\"%s\\\\"");\\nint main;\\n' "$1" >embedded.c; "$0" -c embedded.c -o embedded && cat embedded
printf '__asm__(".include \\\\"%s\\\\"");\\nint main;\\n' "$1" >assembled.c; "$0" -c assembled.c -o assembled
ln -s "$1" linked.h; printf '#include "linked.h"\\n' >linked.c; "$0" -E linked.c
ln -s "$1" linked.c.txt; "$0" -x c -E linked.c.txt
printf -- '-E -include %s -imacros %s included.c\\n' "$1" "$1" >options; "$0" @options
"$0" "@$1"; "$0" "-specs=$1" -E included.c; "$0" "-T$1" included.c
"$0" -I "$2" -iquote "$2" -B "$2" -include canary -E included.c
"$0" -wrapper cat,"$1" -E included.c
echo tried
`;

/** Source and options that are to make a compiler do something. Whatever else it could be made to do is tried by a compiler that is an attack. */
export const COMPILING: readonly BuildAttack[] = [
  ...[['c', 'gcc'] as const, ['cpp', 'g++'] as const].map(
    ([language, program]): BuildAttack => ({
      name: `compile in a file of the host with ${program}`,
      language,
      run: ({ file }) => ({
        argv: ['/bin/sh', '-c', READING, program, file, dirname(file)],
        files: [],
        collect: ['embedded', 'assembled'],
      }),
      judge: ({ stdout, stderr, collected }, { canary }) => {
        const files = Object.values(collected).map((one) => ('bytes' in one ? Buffer.from(one.bytes).toString() : ''));
        const seen = [stdout, stderr, ...files].some((text) => text.includes(canary));
        if (seen) return { ok: false, detail: 'it came out' };
        return stdout.includes('tried')
          ? { ok: true, detail: 'not found' }
          : { ok: false, detail: 'not tried to the end' };
      },
    }),
  ),
  {
    name: 'compile without end',
    language: 'c',
    run: () => ({
      argv: ['gcc', '-E', '-o', '/dev/null', 'main.c'],
      files: [
        { path: 'main.c', content: '#if __INCLUDE_LEVEL__ < 60\n#include __FILE__\n#include __FILE__\n#endif\n' },
      ],
      limits: { wallSeconds: 1.5 },
    }),
    judge: ({ ending }) => ({ ok: ending.how === 'timed-out', detail: ending.how }),
  },
  {
    name: 'compile with all memory',
    language: 'cpp',
    run: () => ({
      argv: ['g++', '-c', '-o', 'out', 'main.cc'],
      files: [{ path: 'main.cc', content: doubled('0,', 24, 'int all[] = {', '};') }],
      limits: { memoryBytes: 256 * MIB, wallSeconds: 20 },
    }),
    judge: ({ ending }) => ({ ok: ending.how === 'memory-limit', detail: ending.how }),
  },
  {
    name: 'compile into a large file',
    language: 'c',
    run: () => ({
      argv: ['gcc', '-c', '-o', 'out', 'main.c'],
      files: [{ path: 'main.c', content: 'char all[1 << 30] = {1};\n' }],
      collect: ['out'],
      limits: { fileBytes: 8 * MIB },
    }),
    judge: ({ ending, collected: { out } }) => {
      const made = ending.how === 'exited' && ending.exitCode === 0;
      return {
        ok: !made && (out === undefined || !('bytes' in out) || out.bytes.length <= 8 * MIB),
        detail: ending.how,
      };
    },
  },
  {
    name: 'flood the output of a compiler',
    language: 'c',
    run: () => ({
      argv: ['gcc', '-E', 'main.c'],
      files: [{ path: 'main.c', content: doubled('a long word that is said again and again ', 30, '', '') }],
      limits: { outputBytes: 100_000 },
    }),
    judge: ({ ending, stdout }) => ({
      ok: ending.how === 'output-limit' && stdout.length <= 100_000,
      detail: `${ending.how} after ${stdout.length} bytes`,
    }),
  },
];

/** A macro of a macro of a macro: 2 to the power of `times`. */
function doubled(text: string, times: number, before: string, after: string): string {
  const lines = [`#define M0 ${text}`];
  for (let level = 1; level <= times; level += 1) lines.push(`#define M${level} M${level - 1} M${level - 1}`);
  return [...lines, `${before} M${times} ${after}`, ''].join('\n');
}
