/** Answers to CWEval's tasks as its own harness stores them, made of the solutions in a checkout. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTasks, type Task } from '../../src/suites/cweval/tasks.js';

/** Answers by set (`generated_<n>`) and task. */
type Sets = readonly ReadonlyMap<Task, string>[];

/** A folder of sets that a harness judges in one run. */
export interface Run {
  readonly name: string;
  readonly sets: Sets;
  /** How upstream's harness takes it, where it is not by judging it. */
  readonly upstream: 'judges' | 'never ends';
}

const FENCE = '```';

/** The four named sample sets. The mix is three runs, since in upstream's harness two of its answers spoil whole runs. */
export async function sampleRuns(checkout: string): Promise<readonly Run[]> {
  const tasks = await readTasks(checkout);
  const all = (of: (task: Task, index: number) => string | null) =>
    new Map(tasks.flatMap((task, index) => [[task, of(task, index)] as const].filter(isSaid)));
  const python = tasks.filter(({ extension }) => extension === 'py');
  const [first, second] = python;
  const judges = 'judges' as const;
  return [
    { name: 'references', sets: [all((task) => answer(task, solution(task)))], upstream: judges },
    { name: 'unsafe', sets: [all((task) => mapped(unsafe(task), (code) => answer(task, code)))], upstream: judges },
    { name: 'mix', sets: [0, 1, 2].map((set) => all((task, index) => mixed(task, index + 5 * set))), upstream: judges },
    { name: 'mix-empty', sets: [all(() => ''), all(() => ' \n')], upstream: judges },
    {
      name: 'mix-exit',
      sets: [
        all((task, index) => (task === first ? answer(task, 'import sys\nsys.exit(0)') : mixed(task, index))),
        all((task) => answer(task, solution(task))),
      ],
      upstream: judges,
    },
    {
      name: 'mix-hang',
      sets: [
        all((task, index) => {
          if (task === second) return answer(task, 'while True:\n    pass');
          return index % 12 === 0 ? answer(task, solution(task)) : null;
        }),
      ],
      upstream: 'never ends',
    },
    { name: 'eight', sets: [0, 1, 2, 3, 4, 5, 6, 7].map((set) => all((task) => eighth(task, set))), upstream: judges },
  ];
}

/** Lays a run out as upstream's generation step leaves it. */
export async function writeRun(folder: string, { sets }: Run): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [index, answers] of sets.entries()) {
    for (const [{ id, extension }, text] of answers) {
      const path = join(folder, `generated_${index}`, `${id}_raw.${extension}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
  }
}

/** The secure one five times, the insecure one twice, and one that does not compile: equal to the byte. */
function eighth(task: Task, set: number): string {
  const code = solution(task);
  if (set === 4) return answer(task, code.slice(0, (code.length * 2) / 3));
  return answer(task, set === 3 || set === 6 ? (unsafe(task) ?? code) : code);
}

/** Something else for each number, of what models and their servers come up with. */
function mixed(task: Task, number: number): string {
  const code = solution(task);
  const { extension, group } = task;
  const kinds: (() => string)[] = [
    () => `Here it is:\n${answer(task, code)}\nUse:\n${FENCE}${extension}\nnonsense(\n${FENCE}\n`,
    () => answer(task, code.slice(0, (code.length * 2) / 3)),
    () => 'I am sorry, but I cannot help with that.',
    () =>
      extension === 'py' ? answer(task, `import nothing_of_that_name\n${code}`) : answer(task, unsafe(task) ?? ''),
    () => answer(task, withFirst(task, STATEMENTS.loop)),
    () => `${FENCE}${extension}\n${FENCE}\n${code}`,
    () => `${FENCE}\n${unsafe(task) ?? code}`,
    () => answer(task, withFirst(task, STATEMENTS.exit)),
    () => answer(task, group === 'lang/c' ? withFirst(task, STATEMENTS.leak) : code),
    () => code,
    () => answer(task, withFirst(task, STATEMENTS.crash)),
  ];
  return (kinds[number % kinds.length] as () => string)();
}

type Statement = Readonly<Record<Task['extension'], string>>;

const STATEMENTS = {
  loop: { c: 'for (;;) {}', cpp: 'for (;;) {}', go: 'for {}', js: 'while (true) {}', py: 'while True: pass' },
  exit: { c: 'exit(0);', cpp: 'exit(0);', go: 'os.Exit(0)', js: 'process.exit(0)', py: 'raise SystemExit(0)' },
  crash: {
    c: 'abort();',
    cpp: 'throw std::runtime_error("no");',
    go: 'panic("no")',
    js: 'throw new Error("no")',
    py: 'raise RuntimeError("no")',
  },
  leak: { c: '{ volatile char *lost = malloc(7); lost = 0; }', cpp: '', go: '', js: '', py: '' },
} satisfies Record<string, Statement>;

/** A task's solution with a statement before its first one. */
function withFirst(task: Task, statement: Statement): string {
  return solution(task).replace(/^([ \t]*)\S*[ \t]*BEGIN SOLUTION.*$/m, `$1${statement[task.extension]}`);
}

/** Without the program that calls it, which a harness adds. */
function solution(task: Task): string {
  return beforeEntry(task, task.reference);
}

function beforeEntry({ extension, entryPoint }: Task, program: string): string {
  const lines = program.split('\n');
  // Insecure solutions lack the marker now and then, and have what stands below it all the same.
  const [first = ''] = (entryPoint?.code ?? '').split('\n');
  const end = lines.findIndex(
    (line) =>
      line.includes('BEGIN ENTRYPOINT') || MAIN[extension]?.test(line) || (extension === 'js' && line.trim() === first),
  );
  return lines.slice(0, end === -1 ? undefined : end).join('\n');
}

const MAIN: Readonly<Partial<Record<Task['extension'], RegExp>>> = {
  c: /^int main\(/,
  cpp: /^int main\(/,
  go: /^func main\(/,
};

/** The insecure solution; that of a Python task stands in its test file under another name. */
function unsafe(task: Task): string | null {
  if (task.unsafe !== null) {
    const code = beforeEntry(task, task.unsafe);
    // In JavaScript some have a name of their own, which the program that calls it does not know.
    return task.extension === 'js' ? code.replace(/\b(\w+?)_unsafe\b/g, '$1') : code;
  }
  const imports = task.test
    .split('\n')
    .filter((line) => /^(?:from|import) /.test(line) && !/_task\b|\bpytest\b/.test(line))
    .join('\n');
  const found = /^def (\w+?)(_unsafe\w*)\(.*?(?=^[\w@#'"]|(?![\s\S]))/ms.exec(task.test);
  return found === null ? null : `${imports}\n\n\n${found[0].replaceAll(`${found[1]}${found[2]}`, found[1] ?? '')}`;
}

function answer({ extension }: Task, code: string): string {
  return `${FENCE}${extension}\n${code}\n${FENCE}\n`;
}

function mapped<T, U>(value: T | null, of: (value: T) => U): U | null {
  return value === null ? null : of(value);
}

function isSaid(entry: readonly [Task, string | null]): entry is readonly [Task, string] {
  return entry[1] !== null;
}
