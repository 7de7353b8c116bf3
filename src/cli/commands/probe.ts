import { SecpiError } from '../../base/errors.js';
import { sha256Json } from '../../base/hash.js';
import { holdAnswers } from '../../engine/garbage/answers-in-use.js';
import { Interruption } from '../../engine/runs/interruption.js';
import type { StageEstimate } from '../../engine/stage.js';
import { loadCatalogue } from '../../security/catalogue.js';
import { loadProbe } from '../../security/probing/probe-tasks.js';
import { measureAnalysers } from '../../stages/curate/analysers/measure-analysers.js';
import { namesAnalysers } from '../../stages/curate/analysers/open.js';
import { JudgeProbe } from '../../stages/curate/judge/probe.js';
import { measureFilters } from '../../stages/curate/measure-filters.js';
import { Probe } from '../../stages/filter/probe/probe.js';
import { type ProbedTask, probeParts } from '../../stages/filter/probe/probe-figures.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { namesOf, type RecipeMember, readMembers } from '../recipes/recipe.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { openServices } from '../services.js';
import { amount, money } from '../views/format.js';
import { printable } from '../views/printable.js';
import { mistakeLines, probeTables, textFilterTable } from '../views/probe-text.js';
import { styleFor } from '../views/style.js';

interface ProbeOptions extends OutputOptions {
  readonly set: readonly string[];
  readonly member: readonly string[];
  readonly estimate?: boolean;
  readonly mistakes?: boolean;
  /** Without the classifier. */
  readonly filters?: boolean;
}

/** `secpi probe`: what the recipe's classifier makes of tasks whose right classification is known, and its curation of labelled texts. */
export async function probeCommand(path: string, options: ProbeOptions, environment: CliEnvironment): Promise<number> {
  const { value: recipe } = theOneOf(await readMembers(path, options, environment));
  const {
    filter: params,
    curate: { judge, analysers },
  } = recipe;
  const tasks = loadProbe();
  const services = openServices(recipe, environment);
  using interrupt = abortOnSignals();
  const asks = options.estimate !== true && (options.filters !== true || judge !== undefined);
  await using _held = asks ? await holdAnswers(environment.state, interrupt.signal) : undefined;
  await using probe =
    options.filters === true ? undefined : await Probe.open({ params, services, tasks }, teller(options, environment));
  // The filters and analysers ask nobody. They and the judge are measured with secpi's own catalogue: its texts are labelled with that one's ids.
  const catalogue = recipe.catalogue === undefined ? services.catalogue : loadCatalogue();
  await using judging =
    judge === undefined
      ? undefined
      : await JudgeProbe.open({ params: judge, services, catalogue }, teller(options, environment));
  if (probe !== undefined) {
    const about = { model: params.by, asked: tasks.length, what: 'tasks' };
    showEstimate(await probe.estimate(), about, options, environment);
  }
  if (judge !== undefined && judging !== undefined) {
    const about = { model: judge.by, asked: judging.questions, what: 'texts' };
    showEstimate(await judging.estimate(), about, options, environment);
  }
  if (options.estimate === true) return 0;
  try {
    // Whoever has to hear that one is missing hears it before anything is bought.
    const analysed = namesAnalysers(analysers)
      ? await measureAnalysers(analysers, { catalogue, programs: services.programs }, interrupt.signal)
      : [];
    const probed = await probe?.run(interrupt.signal, progress(tasks.length, options, environment));
    const judged = await judging?.run(interrupt.signal, progress(judging.questions, options, environment));
    const parts = probed && probeParts(probed, services.catalogue);
    const { min_confidence } = params;
    const filters = [...measureFilters(catalogue), ...analysed, ...(judged ?? [])];
    if (options.json === true) {
      for (const task of probed ?? []) writeJson({ type: 'probe-task', ...taskJson(task) }, environment);
      const asked =
        probe === undefined ? {} : { model: params.by, identity: probe.identity, min_confidence, spent: probe.spent };
      const judgeAsked =
        judging === undefined ? {} : { judge: { model: judge?.by, identity: judging.identity, spent: judging.spent } };
      writeJson({ type: 'probe', ...asked, ...parts, filters, ...judgeAsked }, environment);
    } else {
      const style = styleFor(environment.stdout, environment.variables);
      const prompts = new Map(tasks.map(({ id, prompt }) => [id, prompt]));
      const lines = [
        ...(parts === undefined ? [] : [...probeTables(parts, { style, minConfidence: min_confidence }), '']),
        textFilterTable(filters, style),
        style('dim', 'What `curate` makes of labelled texts; how far that reaches: docs/filters.md'),
        ...(options.mistakes === true && probed !== undefined ? mistakeLines(probed, prompts, style) : []),
      ];
      environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
    }
    return 0;
  } catch (error) {
    if (error instanceof Interruption && options.json !== true)
      environment.stderr.write('interrupted; what was answered is kept, and the same command goes on\n');
    throw error;
  }
}

/** The recipe, or the first of its matrix where what is measured is the same of all. */
function theOneOf(members: readonly [RecipeMember, ...RecipeMember[]]): RecipeMember {
  const asked = ({ value: { filter, curate, models } }: RecipeMember) => {
    const names = [filter.by, ...(curate.judge === undefined ? [] : [curate.judge.by])];
    const specs = names.map((name) => (models as Readonly<Record<string, unknown>>)[name] ?? null);
    return sha256Json(JSON.parse(JSON.stringify([filter, curate.judge ?? null, curate.analysers ?? null, specs])));
  };
  if (new Set(members.map(asked)).size === 1) return members[0];
  throw new SecpiError('cli/which-member', 'what is asked is not the same in all members of the matrix', {
    hint: `Choose one with --member: ${namesOf(members)}`,
    exitCode: 2,
  });
}

function taskJson({ id, heldOut, expected, code, named, confidence, reason }: ProbedTask) {
  return {
    id,
    held_out: heldOut,
    expected: { ...expected, allowed: [...expected.allowed] },
    code,
    named,
    confidence,
    reason,
  };
}

/** Before anything is bought. */
function showEstimate(
  estimate: StageEstimate,
  { model, asked, what }: { readonly model: string; readonly asked: number; readonly what: string },
  { json, quiet, estimate: only }: ProbeOptions,
  environment: CliEnvironment,
): void {
  if (json === true) writeJson({ type: 'probe-estimate', model, [what]: asked, ...estimate }, environment);
  if (json === true || (quiet === true && only !== true)) return;
  const { requests = 0, input_tokens = 0, output_tokens = 0, cost_usd } = estimate;
  const kept = requests === asked ? '' : `, ${asked - requests} answered already`;
  const cost = cost_usd === undefined ? '' : `; at most ${money(cost_usd)}`;
  const asks =
    requests === 0
      ? 'nothing to ask'
      : `${amount(requests)} requests; about ${amount(input_tokens)} tokens in, ${amount(output_tokens)} out${cost}`;
  const stream = only === true ? environment.stdout : environment.stderr;
  stream.write(environment.redact(`${asked} labelled ${what} for \`${model}\`${kept}: ${asks}\n`));
}

function teller({ json, quiet, verbose }: ProbeOptions, { stderr, redact }: CliEnvironment) {
  return ({ level, message }: { readonly level: 'debug' | 'info' | 'warn'; readonly message: string }): void => {
    if (json === true || (level !== 'warn' && (quiet === true || verbose !== true))) return;
    stderr.write(`${redact(printable(message))}\n`);
  };
}

/** A word for each tenth of the way, for a person. */
function progress(total: number, { json, quiet }: ProbeOptions, { stderr }: CliEnvironment): (done: number) => void {
  let told = 0;
  return (done) => {
    const tenth = Math.floor((10 * done) / total);
    if (tenth > told && json !== true && quiet !== true) stderr.write(`asked ${done} of ${total}\n`);
    told = Math.max(told, tenth);
  };
}
