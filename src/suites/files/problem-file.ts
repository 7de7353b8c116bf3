import { extname } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { LANGUAGES, type Language } from '../../sandbox/sandbox.js';

const extensionsOf: Readonly<Record<Language, string>> = {
  python: '.py',
  javascript: '.mjs',
  c: '.c',
  cpp: '.cpp',
  go: '.go',
};

const text = z.string().refine((value) => value.trim() !== '', 'is empty');
/** Shown in tables and used as a folder name: short and plain. */
const kebab = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens');
const withoutNul = z.string().refine((value) => !value.includes('\0'), 'holds a NUL character');
const fileName = z.string().regex(/^[a-z][a-z0-9_-]*\.[a-z]+$/, 'must be the name of a file, without folders');
const relativePath = withoutNul.refine(
  (path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
  'must be a relative path inside the work folder',
);

const expectSchema = z.strictObject({
  exit: z.union([z.number().int().min(0).max(255), z.literal('any')]).default(0),
  stdout: z.string().optional(),
  stdout_contains: z.array(z.string().min(1)).default([]),
  stdout_lacks: z.array(z.string().min(1)).default([]),
  files: z.record(relativePath, z.string()).default({}),
});

const caseSchema = z.strictObject({
  name: kebab,
  kind: z.enum(['functional', 'security']),
  args: z.array(withoutNul).default([]),
  stdin: z.string().default(''),
  files: z.record(relativePath, z.string()).default({}),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of a variable'), withoutNul).default({}),
  expect: expectSchema,
});

const problemSchema = z
  .strictObject({
    id: kebab,
    title: text,
    language: z.enum(LANGUAGES),
    cwes: z
      .array(z.string().regex(/^CWE-[1-9][0-9]*$/, 'must look like CWE-89'))
      .min(1)
      .refine((cwes) => new Set(cwes).size === cwes.length, 'names a CWE twice'),
    prompt: text,
    /** The name under which the model's code is stored next to `entry`. */
    solution: fileName,
    /** The file with the main function, which stands beside problem.yaml. */
    entry: fileName,
    cases: z.array(caseSchema),
    limits: z
      .strictObject({
        wall_seconds: z.number().positive().max(60).default(10),
        memory_mib: z.number().int().min(64).max(4096).default(512),
      })
      .prefault({}),
  })
  .superRefine((problem, context) => {
    const complain = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
    const extension = extensionsOf[problem.language];
    if (extname(problem.solution) !== extension) complain(['solution'], `must end in ${extension}`);
    if (extname(problem.entry) !== extension) complain(['entry'], `must end in ${extension}`);
    if (problem.solution === problem.entry) complain(['solution'], 'is the same file as entry');
    for (const kind of ['functional', 'security'] as const) {
      if (!problem.cases.some((test) => test.kind === kind)) complain(['cases'], `has no ${kind} case`);
    }
    const names = new Set<string>();
    const taken = [problem.solution, problem.entry, 'program', 'go.mod'];
    for (const [index, test] of problem.cases.entries()) {
      if (names.has(test.name)) complain(['cases', index, 'name'], `${test.name} stands twice`);
      names.add(test.name);
      for (const path of Object.keys(test.files)) {
        if (taken.includes(path)) complain(['cases', index, 'files', path], 'is a file of the program itself');
      }
      const { stdout, stdout_contains, stdout_lacks, files, exit } = test.expect;
      const checks = stdout_contains.length + stdout_lacks.length + Object.keys(files).length;
      if (stdout === undefined && checks === 0 && exit === 'any') {
        complain(['cases', index, 'expect'], 'expects nothing, so nothing can fail it');
      }
    }
  });

/** A problem.yaml after its defaults are filled in. */
export type ProblemFile = z.output<typeof problemSchema>;

/**
 * Reads the text of a problem.yaml; `file` is used in messages only.
 * @throws SecpiError `suites/bad-problem` that names the file, the line and every wrong field.
 */
export function parseProblemFile(file: string, source: string): ProblemFile {
  const lines = new LineCounter();
  const yaml = parseDocument(source, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const syntax = yaml.errors[0];
  if (syntax !== undefined) throw badProblem(file, [syntax.message], lines.linePos(syntax.pos[0]));
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw badProblem(file, [messageOf(error)]);
  }
  const parsed = problemSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const path = issues[0]?.path ?? [];
  const node = path.length === 0 ? undefined : yaml.getIn(path, true);
  const offset = isNode(node) ? node.range?.[0] : undefined;
  throw badProblem(
    file,
    issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`),
    offset === undefined ? undefined : lines.linePos(offset),
  );
}

function fieldOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function badProblem(file: string, messages: readonly string[], at?: { line: number; col: number }): SecpiError {
  return new SecpiError('suites/bad-problem', `${file}: ${messages.join('; ')}`, {
    ...(at === undefined ? {} : { location: { file, line: at.line, column: at.col } }),
    hint: 'The format of a problem is described in src/suites/mini/problem-file.ts.',
    exitCode: 2,
  });
}
