import { setMaxListeners } from 'node:events';
import { SecpiError } from '../../base/errors.js';
import { jobsAtOnce } from '../../compute/target.js';
import { errorReport } from '../../engine/runs/error-report.js';
import { interruptedExitCode } from '../../engine/runs/exit-code.js';
import { Interruption } from '../../engine/runs/interruption.js';
import { readRun } from '../../engine/runs/run-record.js';
import type { RunResult } from '../../engine/runs/runner.js';
import { newSweep, type Sweep } from '../../engine/runs/sweep.js';
import type { CliEnvironment } from '../environment.js';
import type { Interrupt } from '../interrupt.js';
import { writeJson } from '../output.js';
import { continueCommand } from '../recipes/continue-command.js';
import type { RecipeMember, RecipeMembers } from '../recipes/recipe.js';
import type { RunOptions } from '../recipes/run-options.js';
import { refuseSameDestination } from '../recipes/same-destination.js';
import { executeRecipe } from '../runs/execute-recipe.js';
import { writeRunReport } from '../runs/run-report.js';
import { openRooms, openServices } from '../services.js';
import { oneLine } from '../views/printable.js';
import { styleFor } from '../views/style.js';
import { exitCodeOfAll } from './exit-code.js';
import { shortMembers } from './short-names.js';
import { type SweepRow, sweepRow } from './sweep-rows.js';
import { sweepSum, sweepTable } from './sweep-table.js';
import { SweepView } from './sweep-view.js';

/** How one member ended: with a run, or without one because it could not begin or be recorded. */
interface MemberEnd {
  readonly recipe: RecipeMember;
  readonly result?: RunResult;
  /** What went wrong outside its stages. */
  readonly error?: unknown;
}

/** A sweep, and who may end it. */
interface SweepToRun {
  readonly path: string;
  readonly members: RecipeMembers;
  readonly interrupt: Interrupt;
  /** The id of the first member's run, if it is given out already. */
  readonly run: string | undefined;
}

/**
 * Runs all members of a matrix side by side, each as a run of its own: artifacts and locks see to it that what they share is made once, and
 * the stages of all take turns at what they occupy. One that fails does not stop the others. Ends with one table, and resolves to the exit
 * code: that of an interruption or of leaving, 1 if a member failed, 3 if a gate said no to one, 0.
 */
export async function runSweep(
  { path, members, interrupt, run: first }: SweepToRun,
  options: RunOptions,
  environment: CliEnvironment,
): Promise<number> {
  refuseSameDestination(members, options);
  const { stdout, stderr, variables, redact } = environment;
  const style = styleFor(stdout, variables);
  const view = new SweepView({
    ...{ stdout, style, json: options.json === true, verbose: options.verbose === true },
    ...{ quiet: options.quiet === true, names: shortMembers(members.map(({ labels }) => labels)) },
  });
  const limits = jobsAtOnce(members.flatMap(({ value }) => Object.values(value.compute)));
  const sweep = newSweep(limits, first);
  const rooms = openRooms(environment);
  const { signal, onRequest } = interrupt;
  // Each run listens, and ends its listening with itself.
  setMaxListeners(0, signal);

  const run = async (recipe: RecipeMember, index: number): Promise<MemberEnd> => {
    let result: RunResult | undefined;
    try {
      const services = openServices(recipe.value, environment, rooms);
      const onEvent = view.listener(recipe.member, index);
      const more = { run: index === 0 ? first : undefined, services, signal, onRequest, onEvent, sweep };
      result = await executeRecipe({ path, recipe }, options, environment, more);
      await writeRunReport(result, environment);
      return { recipe, result };
    } catch (error) {
      return { recipe, ...(result === undefined ? {} : { result }), error };
    }
  };
  const ends = await Promise.all(members.map(run));
  const rows = await Promise.all(ends.map((end) => rowOf(end, environment)));
  const exitCode = exitCodeOfAll(ends.map(exitCodeOfMember));
  if (options.json === true) {
    writeJson({ type: 'sweep-finished', ...resultOf(sweep, rows, members), exit_code: exitCode }, environment);
    return exitCode;
  }
  stdout.write(redact(`\n${sweepTable(rows, style)}\n\n${sweepSum(rows)}\nsweep ${sweep.id}\n`));
  if (exitCode !== 0) {
    const command = continueCommand(path, options, stagesOf(ends));
    stderr.write(redact(troubleText(rows, command, styleFor(stderr, variables))));
  }
  return exitCode;
}

async function rowOf({ recipe, result, error }: MemberEnd, { state }: CliEnvironment): Promise<SweepRow> {
  const record = result === undefined ? undefined : await readRun(state, result.finished.run);
  const trouble = error === undefined ? {} : { error: errorReport(error) };
  if (record !== undefined) return { ...(await sweepRow(state, record)), ...trouble };
  const nothing = { run: null, seconds: 0, cost_usd: 0, suites: {} };
  return { ...nothing, member: recipe.member, axes: recipe.labels, state: 'failed', ...trouble };
}

function exitCodeOfMember({ result, error }: MemberEnd): number {
  if (error instanceof Interruption) return interruptedExitCode(error.by);
  if (error === undefined) return result?.exitCode ?? 1;
  return error instanceof SecpiError ? error.exitCode : 1;
}

function resultOf(sweep: Sweep, rows: readonly SweepRow[], [{ value }]: RecipeMembers) {
  const cost_usd = rows.reduce((sum, row) => sum + row.cost_usd, 0);
  return { sweep: sweep.id, recipe: value.name, cost_usd, members: rows };
}

/** A forced stage counts as done when each member has it: one of them has made it again, and the others have taken that. */
function stagesOf(ends: readonly MemberEnd[]) {
  const names = new Set(ends.flatMap(({ result }) => result?.finished.stages.map(({ stage }) => stage) ?? []));
  return [...names].map((stage) => {
    const isThere = ends.every(({ result }) =>
      result?.finished.stages.some((one) => one.stage === stage && ['done', 'cached'].includes(one.outcome)),
    );
    return { stage, outcome: isThere ? ('done' as const) : ('skipped' as const) };
  });
}

/** What went wrong in which member, and what to do, for stderr. */
function troubleText(rows: readonly SweepRow[], command: string, style: ReturnType<typeof styleFor>): string {
  const failed = new Map<string, { readonly error: NonNullable<SweepRow['error']>; readonly members: string[] }>();
  for (const { member, error } of rows) {
    if (error === undefined) continue;
    const same = failed.get(error.message);
    if (same === undefined) failed.set(error.message, { error, members: [member] });
    else same.members.push(member);
  }
  const lines = [...failed.values()].flatMap(({ error, members: [first = '', ...others] }) => [
    `${style('red', oneLine(first))}${others.length > 0 ? ` and ${others.length} more` : ''}: ${oneLine(error.message)}`,
    ...(error.hint === undefined ? [] : [`${style('bold', 'hint:')} ${oneLine(error.hint)}`]),
    `code: ${oneLine(error.code)}`,
  ]);
  return `\n${[...lines, `${style('bold', 'continue with:')} ${command}`].join('\n')}\n`;
}
