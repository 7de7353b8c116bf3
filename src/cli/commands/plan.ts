import type { Sha256 } from '../../base/hash.js';
import type { PlanEntry } from '../../engine/flow/plan.js';
import { errorReport } from '../../engine/runs/error-report.js';
import type { StageEstimate } from '../../engine/stage.js';
import { repeatedIn } from '../../stages/repeated-samples.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { type PlannedRecipe, toPlan } from '../recipes/plan-recipe.js';
import { type RecipeMember, readMembers } from '../recipes/recipe.js';
import type { SelectionOptions } from '../recipes/run-options.js';
import { refuseSameDestination } from '../recipes/same-destination.js';
import { amount, duration, money } from '../views/format.js';
import { oneLine } from '../views/printable.js';
import { type Style, styleFor } from '../views/style.js';

/**
 * `secpi plan`: what a run would do, why, and what it would ask and cost; of a matrix all members, with what they share told once. Exit
 * code 2 where the run would refuse.
 */
export async function planCommand(
  path: string,
  options: SelectionOptions,
  environment: CliEnvironment,
): Promise<number> {
  const members = await readMembers(path, options, environment);
  refuseSameDestination(members, options);
  using interrupt = abortOnSignals();
  const plans = await planMembers(toPlan(members, environment, interrupt.signal), options);
  const totals = totalsOf(plans.flatMap(({ entries }) => entries.filter(({ as }) => as === undefined)));
  const [{ value, sha256, member }] = members;
  const isMatrix = member !== '';
  const notes = [...new Set(members.flatMap((one) => repeatedIn(one.value)))];
  if (options.json === true) {
    for (const { recipe, entries } of plans) {
      const of = isMatrix ? { member: recipe.member } : {};
      for (const entry of entries) writeJson({ type: 'plan-stage', ...of, ...entryJson(entry) }, environment);
    }
    const facts = isMatrix ? { members: members.length } : { recipe_sha256: sha256 };
    writeJson(
      { type: 'plan', recipe: value.name, ...facts, ...totals, ...(notes.length > 0 ? { notes } : {}) },
      environment,
    );
  } else {
    const style = styleFor(environment.stdout, environment.variables);
    const lines = [
      style('bold', value.name) + (isMatrix ? `, ${members.length} of its matrix` : ''),
      ...plans.flatMap((plan) => memberLines(plan, style)),
      '',
      ...totalLines(totals, style),
      ...notes.map((note) => `note: ${oneLine(note, 400)}`),
    ];
    environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return totals.missing > 0 || totals.refused.length > 0 ? 2 : 0;
}

interface MemberEntry extends PlanEntry {
  /** The member that makes the very same and comes before this one. */
  readonly as?: string;
}

interface MemberPlan {
  readonly recipe: RecipeMember;
  readonly entries: readonly MemberEntry[];
}

async function planMembers(
  planned: readonly PlannedRecipe[],
  options: SelectionOptions,
): Promise<readonly MemberPlan[]> {
  const seen = new Map<Sha256, string>();
  const plans: MemberPlan[] = [];
  for (const one of planned) {
    const identities = planned.length === 1 ? undefined : await one.identities();
    const entries = (await one.entries(options)).map((entry): MemberEntry => {
      if (identities === undefined || entry.state === 'left-out') return entry;
      // Stages of different params may read the same all the same: what is made so far can tell.
      const known = [identities.get(entry.stage), entry.fingerprint].filter((key) => key != null);
      const as = known.map((key) => seen.get(key)).find((name) => name !== undefined);
      for (const key of known) if (!seen.has(key)) seen.set(key, as ?? one.recipe.member);
      return as === undefined ? entry : { ...entry, as };
    });
    plans.push({ recipe: one.recipe, entries });
  }
  return plans;
}

/** A member's stages; those that an earlier member has made stand on one line. */
function memberLines({ recipe, entries }: MemberPlan, style: Style): readonly string[] {
  const width = Math.max(...entries.map(({ stage }) => stage.length));
  const isMatrix = recipe.member !== '';
  const leftOut = isMatrix ? entries.filter(({ state }) => state === 'left-out') : [];
  const own = entries
    .filter((entry) => entry.as === undefined && !leftOut.includes(entry))
    .flatMap((entry) => stageLines(entry, width, style));
  const shared = new Map<string, string[]>();
  for (const { stage, as } of entries) {
    if (as !== undefined) shared.set(as, [...(shared.get(as) ?? []), stage]);
  }
  const told = [...shared].map(([as, stages]) => style('dim', `  ${stages.join(', ')}: as in ${oneLine(as)}`));
  if (leftOut.length > 0) own.push(style('dim', `  ${leftOut.map(({ stage }) => stage).join(', ')}: left out`));
  return [...(isMatrix ? ['', style('bold', oneLine(recipe.member))] : []), ...told, ...own];
}

function entryJson({ error, as, ...entry }: MemberEntry) {
  return {
    ...entry,
    ...(as === undefined ? {} : { same_as: as }),
    ...(error === undefined ? {} : { error: errorReport(error) }),
  };
}

const stateStyles: Readonly<Record<PlanEntry['state'], Parameters<Style>[0]>> = {
  cached: 'green',
  run: 'yellow',
  waits: 'yellow',
  missing: 'red',
  unknown: 'red',
  'left-out': 'dim',
};

const WHY_LINES = 6;
/** Longer reasons stand on lines of their own. */
const ONE_LINE = 60;
const STATE_WIDTH = 9;

function stageLines(entry: PlanEntry, width: number, style: Style): readonly string[] {
  const { stage, state, why, waits_for, resumes, estimate } = entry;
  const waits = waits_for.length > 0 ? [`for ${waits_for.join(', ')}`] : [];
  const reasons = why.slice(0, WHY_LINES).map((line) => oneLine(line, 200));
  if (why.length > WHY_LINES) reasons.push(`and ${why.length - WHY_LINES} more: see \`secpi why ${stage}\``);
  const told = [...waits, ...reasons.filter((line) => line !== `waits for ${waits_for.join(', ')}`)];
  const [first = '', ...rest] = told.join('; ').length <= ONE_LINE ? [told.join('; ')] : told;
  const asked = estimate === undefined ? '' : estimateText(estimate);
  const below = [
    ...rest.map((line) => style('dim', line)),
    ...(resumes ? [style('dim', 'continues what an interrupted run has left')] : []),
    ...(asked === '' ? [] : [asked]),
    ...(estimate?.details ?? []).map((line) => oneLine(line, 400)),
    ...refusalLines(estimate, style),
  ];
  const head = `  ${stage.padEnd(width)}  ${style(stateStyles[state], state.replace('-', ' ').padEnd(STATE_WIDTH))} ${style('dim', first)}`;
  const margin = ' '.repeat(width + STATE_WIDTH + 5);
  return [head.trimEnd(), ...below.map((line) => margin + line)];
}

function refusalLines(estimate: StageEstimate | undefined, style: Style): readonly string[] {
  if (estimate?.refusal === undefined) return [];
  const { message, hint } = estimate.refusal;
  return [style('red', oneLine(message, 400)), ...(hint === undefined ? [] : [oneLine(hint, 600)])];
}

function estimateText(estimate: StageEstimate): string {
  const { requests, input_tokens, output_tokens, cost_usd, seconds, note } = estimate;
  const tokens = (input_tokens ?? 0) + (output_tokens ?? 0);
  const parts = [
    ...(requests === undefined ? [] : [requests === 0 ? 'nothing to ask' : `${amount(requests)} requests`]),
    ...(tokens === 0 ? [] : [`about ${amount(input_tokens ?? 0)} tokens in, ${amount(output_tokens ?? 0)} out`]),
    ...(cost_usd === undefined || tokens === 0 ? [] : [`about ${money(cost_usd)}`]),
    ...(seconds === undefined || estimate.details !== undefined ? [] : [`about ${duration(seconds)}`]),
    ...(note === undefined ? [] : [oneLine(note, 160)]),
  ];
  return parts.join('; ');
}

interface Totals {
  readonly to_run: number;
  /** Stages that cannot be told about here and now. */
  readonly unknown: readonly string[];
  readonly cached: number;
  readonly missing: number;
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Of the stages whose models have a price. */
  readonly cost_usd: number;
  /** Stages that ask models without a price. */
  readonly without_price: readonly string[];
  /** Stages that more than one member makes on its own, though some of what they ask may be the same. */
  readonly for_several: readonly string[];
  /** Stages whose questions are not known before others have run. */
  readonly not_known: readonly string[];
  /** Stages that would fail as things stand. */
  readonly refused: readonly string[];
}

/** Each once: of a matrix there are several of a name. */
function namesOf(entries: readonly PlanEntry[]): readonly string[] {
  return [...new Set(entries.map(({ stage }) => stage))];
}

function totalsOf(entries: readonly PlanEntry[]): Totals {
  const ahead = entries.filter(({ state }) => state === 'run' || state === 'waits');
  const sum = (key: 'requests' | 'input_tokens' | 'output_tokens' | 'cost_usd') =>
    ahead.reduce((total, { estimate }) => total + (estimate?.[key] ?? 0), 0);
  const asking = ahead.filter(({ estimate }) => (estimate?.requests ?? 0) > 0).map(({ stage }) => stage);
  const stagesWhere = (holds: (entry: PlanEntry, estimate: StageEstimate) => boolean) =>
    namesOf(ahead.filter((entry) => entry.estimate !== undefined && holds(entry, entry.estimate)));
  return {
    to_run: ahead.length,
    unknown: namesOf(entries.filter(({ state }) => state === 'unknown')),
    cached: entries.filter(({ state }) => state === 'cached').length,
    missing: entries.filter(({ state }) => state === 'missing').length,
    requests: sum('requests'),
    input_tokens: sum('input_tokens'),
    output_tokens: sum('output_tokens'),
    cost_usd: sum('cost_usd'),
    without_price: stagesWhere((_, { input_tokens = 0, cost_usd }) => input_tokens > 0 && cost_usd === undefined),
    for_several: [...new Set(asking.filter((stage, index) => asking.indexOf(stage) < index))],
    not_known: stagesWhere(
      ({ state }, { requests, seconds }) => state === 'waits' && requests === undefined && seconds === undefined,
    ),
    refused: stagesWhere((_, { refusal }) => refusal !== undefined),
  };
}

function totalLines(totals: Totals, style: Style): readonly string[] {
  const {
    to_run,
    unknown,
    cached,
    missing,
    requests,
    input_tokens,
    output_tokens,
    cost_usd,
    without_price,
    for_several,
    not_known,
    refused,
  } = totals;
  if (missing > 0) {
    return [style('red', 'The run would refuse: what is missing was left out by the choice of stages.')];
  }
  const untold =
    unknown.length === 0 ? [] : [style('red', `Not known: ${unknown.join(', ')}; the reason stands there.`)];
  if (to_run === 0 && unknown.length === 0) return [`Nothing to do: ${cached} cached.`];
  const sums = [
    `${to_run} to run, ${cached} cached`,
    ...(requests > 0 ? [`${amount(requests)} requests`] : []),
    ...(input_tokens + output_tokens > 0
      ? [`about ${amount(input_tokens)} tokens in and ${amount(output_tokens)} out`]
      : []),
    ...(cost_usd > 0 ? [`about ${money(cost_usd)}`] : []),
  ];
  return [
    sums.join('; '),
    ...untold,
    ...(refused.length > 0
      ? [style('red', `Would fail as it stands: ${refused.join(', ')}; the reason stands there.`)]
      : []),
    ...(without_price.length > 0
      ? [`Not in the cost: ${without_price.join(', ')}, whose models have no price in the recipe.`]
      : []),
    ...(for_several.length > 0
      ? [`At most: ${for_several.join(', ')} of several members; what they ask alike is asked once.`]
      : []),
    ...(not_known.length > 0
      ? [`Not in the sum: ${not_known.join(', ')}; what they take is known once the stages before have run.`]
      : []),
  ];
}
