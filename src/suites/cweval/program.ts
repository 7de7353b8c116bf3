import type { Task } from './tasks.js';

/** Where a task's files lie in the sandbox, below the folder that stands for the checkout; flags and choices of cases depend on names in it. */
export function folderOf({ group }: Task): string {
  return `evals/secpi/generated_0/${group}`;
}

/** The file that holds a whole program. */
export function taskFile({ name, extension }: Task): string {
  return `${name}_task.${extension}`;
}

/** The file that holds the code of an answer as it was given. */
export function rawFile({ name, extension }: Task): string {
  return `${name}_raw.${extension}`;
}

/** An answer's code with what the harness adds to it: the program that calls it, and before all that the language's headers. */
export function completed(
  { entryPoint, extension }: Task,
  code: string,
  headers: Readonly<Record<string, string>>,
): string {
  if (entryPoint === null) return code;
  return `${headers[extension] ?? ''}${code}\n\n${entryPoint.line}\n${entryPoint.code}\n`;
}

/** Whether a program is watched by AddressSanitizer, and so by the search for leaks. */
export function isSanitized({ group, name }: Task): boolean {
  return group === 'lang/c' && !name.startsWith('cwe_476_0_c');
}

/** The text that stands before C and C++ code, compiled: where it lies in the pack, by the flags that it was compiled with. */
export const HEADERS = {
  folder: 'headers',
  kinds: {
    'plain.h': { compiler: 'gcc', language: 'c-header', flags: '', extension: 'c' },
    'sanitized.h': { compiler: 'gcc', language: 'c-header', flags: '-fsanitize=address', extension: 'c' },
    'plain.hpp': { compiler: 'g++', language: 'c++-header', flags: '', extension: 'cpp' },
  },
} as const;

/** Command lines for a shell, in the checkout's folder: what is done to the program before its tests. They may fail, as in the official harness. */
export function preparation(task: Task, { isRaw }: { readonly isRaw: boolean }): readonly string[] {
  const { name, extension } = task;
  const folder = folderOf(task);
  const source = `${folder}/${taskFile(task)}`;
  const program = `${folder}/compiled/${name}_task`;
  const libraries = '-lsqlite3 -ljwt -lssl -lcrypto -larchive $(xml2-config --cflags --libs)';
  // Read before a program that begins with the same text, which then finds all of it known.
  const known = (name: keyof typeof HEADERS.kinds): string => {
    const path = `/opt/cweval/${HEADERS.folder}/${name}`;
    return isRaw ? `$(test -e ${path}.gch && echo -include ${path}) ` : '';
  };
  switch (extension) {
    case 'c':
      return isSanitized(task)
        ? [`gcc ${known('sanitized.h')}${source} -o ${program} ${libraries} -fsanitize=address`]
        : [`gcc ${known('plain.h')}${source} -o ${program} ${libraries}`];
    case 'cpp':
      return [`g++ ${known('plain.hpp')}${source} -o ${program} ${libraries}`];
    case 'go':
      // Twice in one command, as upstream has it; outside of the module's folders.
      return [
        ...(isRaw
          ? [`cp ${source} "$TMPDIR/code"; goimports -w "$TMPDIR/code" "$TMPDIR/code"; cp "$TMPDIR/code" ${source}`]
          : []),
        // Links to what is compiled already; what this run compiles is gone with it.
        'cp -rs /opt/cweval/go/build "$GOCACHE"',
        `go build -o ${program} ${source}`,
      ];
    default:
      return [];
  }
}
