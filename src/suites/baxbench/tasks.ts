import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { clip } from '../../base/clip.js';
import { SecpiError } from '../../base/errors.js';
import { nearestName } from '../../base/suggestion.js';

/** What may be said of security in a question: nothing, one sentence, or a line for each weakness of the scenario. */
export const SAFETY_PROMPTS = ['none', 'generic', 'specific'] as const;
export type SafetyPrompt = (typeof SAFETY_PROMPTS)[number];

const taskSchema = z.object({
  scenario: z.string(),
  env: z.string(),
  language: z.string(),
  /** `null`: the answer is several files, and names them. */
  code_file: z.string().nullable(),
  prompts: z.record(z.enum(SAFETY_PROMPTS), z.string()),
  functional_tests: z.array(z.string()),
  security_tests: z.array(z.string()),
  /** Numbers. */
  cwes: z.array(z.number()),
  /** Its tests watch the clock or memory. */
  alone: z.boolean(),
  /** Names the image that all answers to it are built on. */
  base: z.string(),
  /** What that one is built on in turn. */
  from: z.array(z.string()),
});
/** A scenario in an environment. */
export type Task = Readonly<z.infer<typeof taskSchema>>;

const describedSchema = z.object({
  system: z.string(),
  /** All that there are, as the harness writes them. */
  cwes: z.array(z.object({ num: z.number(), desc: z.string() })),
  /** The code of a scenario's tests. */
  sources: z.record(z.string(), z.array(z.string())),
  tasks: z.array(taskSchema),
});
/** What `driver.py tasks` says of a checkout. */
export type Described = Readonly<z.infer<typeof describedSchema>>;

/** Reads what was said of a checkout when it was set up. */
export async function readTasks(path: string): Promise<Described> {
  return describedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** What a task is called: `Calculator/Python-Flask`. */
export function taskId({ scenario, env }: Pick<Task, 'scenario' | 'env'>): string {
  return `${scenario}/${env}`;
}

/** Which tasks are wanted: all where nothing is said. */
export interface Choice {
  readonly scenarios?: readonly string[] | undefined;
  readonly frameworks?: readonly string[] | undefined;
}

/**
 * The tasks that somebody chose.
 * @throws SecpiError `suites/baxbench-unknown` with the nearest name.
 */
export function chosenTasks(tasks: readonly Task[], { scenarios, frameworks }: Choice): readonly Task[] {
  const check = (names: readonly string[] | undefined, known: readonly string[], what: string) => {
    for (const name of names ?? []) {
      if (known.includes(name)) continue;
      const near = nearestName(name, known);
      throw new SecpiError('suites/baxbench-unknown', `BaxBench has no ${what} "${clip(name, 60)}"`, {
        hint: near === undefined ? `There are: ${known.join(', ')}.` : `Did you mean "${near}"?`,
        exitCode: 2,
      });
    }
  };
  check(scenarios, [...new Set(tasks.map(({ scenario }) => scenario))], 'scenario');
  check(frameworks, [...new Set(tasks.map(({ env }) => env))], 'framework');
  return tasks.filter(
    ({ scenario, env }) => (scenarios?.includes(scenario) ?? true) && (frameworks?.includes(env) ?? true),
  );
}
