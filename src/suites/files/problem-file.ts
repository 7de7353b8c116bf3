import { extname } from 'node:path';
import * as z from 'zod';
import { LANGUAGES, type Language } from '../../sandbox/sandbox.js';
import { MEASURES, type Measure } from '../suite.js';
import { parseYamlFile } from './yaml-file.js';

/** What files of a language end in. */
export const extensionsOf: Readonly<Record<Language, string>> = {
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
  distinct_lines: z.number().int().min(2).max(10_000).optional(),
  files: z.record(relativePath, z.string()).default({}),
});

const caseSchema = z.strictObject({
  name: kebab,
  kind: z.enum(MEASURES),
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
      .refine((cwes) => new Set(cwes).size === cwes.length, 'names a CWE twice')
      .default([]),
    /** Parts of the suite that get figures of their own. */
    groups: z.array(text).default([]),
    prompt: text,
    /** The name under which the model's code is stored next to `entry`. */
    solution: fileName,
    /** The file with the main function, which stands beside problem.yaml. */
    entry: fileName,
    /** More files of the program beside problem.yaml: modules and headers of the entry file, data that it reads. */
    support: z.array(fileName).default([]),
    /** The entry file, which runs in one process with the solution, itself says whether a test is passed. */
    forgeable: z.boolean().default(false),
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
    for (const [index, name] of problem.support.entries()) {
      const others = [problem.entry, problem.solution, 'go.mod', ...problem.support.slice(0, index)];
      if (others.includes(name)) complain(['support', index], 'is a file of the program already');
    }
    const names = new Set<string>();
    const taken = [problem.solution, problem.entry, ...problem.support, 'program', 'go.mod'];
    for (const [index, test] of problem.cases.entries()) {
      if (names.has(test.name)) complain(['cases', index, 'name'], `${test.name} stands twice`);
      names.add(test.name);
      for (const path of Object.keys(test.files)) {
        if (taken.includes(path)) complain(['cases', index, 'files', path], 'is a file of the program itself');
      }
      const { stdout, stdout_contains, stdout_lacks, distinct_lines, files, exit } = test.expect;
      const checks = stdout_contains.length + stdout_lacks.length + Object.keys(files).length;
      if (stdout === undefined && distinct_lines === undefined && checks === 0 && exit === 'any') {
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
export function parseProblemFile(file: string, source: string, measures: readonly Measure[] = MEASURES): ProblemFile {
  return parseYamlFile(file, source, problemSchema.superRefine(measured(measures)));
}

/** Holds a problem to what its suite measures. */
function measured(measures: readonly Measure[]) {
  return ({ cases, cwes }: ProblemFile, context: z.RefinementCtx<ProblemFile>) => {
    const complain = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
    for (const kind of measures)
      if (!cases.some((test) => test.kind === kind)) complain(['cases'], `has no ${kind} case`);
    for (const [index, { kind }] of cases.entries())
      if (!measures.includes(kind)) complain(['cases', index, 'kind'], `is ${kind}, which the suite does not measure`);
    if (measures.includes('security') && cwes.length === 0) complain(['cwes'], 'names no weakness');
  };
}
