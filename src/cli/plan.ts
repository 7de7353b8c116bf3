import type { PlanEntry } from '../engine/plan.js';
import type { StageEstimate } from '../engine/stage.js';
import type { CliEnvironment } from './environment.js';
import { amount, duration, money } from './format.js';
import { writeJson } from './output.js';
import { planRecipe } from './plan-recipe.js';
import { oneLine } from './printable.js';
import type { SelectionOptions } from './run-options.js';
import { type Style, styleFor } from './style.js';

/** `secpi plan`: what a run would do, why, and what it would ask and cost. Exit code 2 where the run would refuse. */
export async function planCommand(
  path: string,
  options: SelectionOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { recipe, entries } = await planRecipe(path, options, environment);
  const totals = totalsOf(entries);
  if (options.json === true) {
    for (const entry of entries) writeJson({ type: 'plan-stage', ...entry }, environment);
    const { name } = recipe.value;
    writeJson({ type: 'plan', recipe: name, recipe_sha256: recipe.sha256, ...totals }, environment);
  } else {
    const style = styleFor(environment.stdout, environment.variables);
    const lines = [...entries.flatMap((entry) => stageLines(entry, style)), '', ...totalLines(totals, style)];
    environment.stdout.write(environment.redact(`${style('bold', recipe.value.name)}\n${lines.join('\n')}\n`));
  }
  return totals.missing > 0 ? 2 : 0;
}

const stateStyles: Readonly<Record<PlanEntry['state'], Parameters<Style>[0]>> = {
  cached: 'green',
  run: 'yellow',
  waits: 'yellow',
  missing: 'red',
  'left-out': 'dim',
};

const WHY_LINES = 6;

function stageLines(entry: PlanEntry, style: Style): readonly string[] {
  const state = entry.resumes ? 'run, continued' : entry.state.replace('-', ' ');
  const head = `  ${entry.stage.padEnd(9)} ${style(stateStyles[entry.state], state)}`;
  const more = entry.why.length - WHY_LINES;
  const why = entry.why.slice(0, WHY_LINES).map((line) => oneLine(line, 200));
  const estimate = entry.estimate === undefined ? '' : estimateText(entry.estimate);
  const waits = entry.waits_for.length > 0 ? `waits for ${entry.waits_for.join(', ')}` : '';
  return [
    head,
    ...[...why, ...(more > 0 ? [`and ${more} more: secpi why ${entry.stage} …`] : [])]
      // The lines of a stage that waits say what else differs; that it waits is said once.
      .filter((line) => line !== waits)
      .map((line) => `            ${style('dim', line)}`),
    ...(waits === '' ? [] : [`            ${style('dim', waits)}`]),
    ...(estimate === '' ? [] : [`            ${estimate}`]),
  ];
}

function estimateText(estimate: StageEstimate): string {
  const { requests, input_tokens, output_tokens, cost_usd, seconds, note } = estimate;
  const parts = [
    ...(requests === undefined ? [] : [`${amount(requests)} requests`]),
    ...(input_tokens === undefined && output_tokens === undefined
      ? []
      : [`about ${amount(input_tokens ?? 0)} tokens in, ${amount(output_tokens ?? 0)} out`]),
    ...(cost_usd === undefined ? [] : [`about ${money(cost_usd)}`]),
    ...(seconds === undefined ? [] : [`about ${duration(seconds)}`]),
    ...(note === undefined ? [] : [oneLine(note, 160)]),
  ];
  return parts.join('; ');
}

interface Totals {
  readonly to_run: number;
  readonly cached: number;
  readonly missing: number;
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Of the stages whose models have a price. */
  readonly cost_usd: number;
  /** Stages that ask models without a price, or whose questions are not known yet. */
  readonly without_price: readonly string[];
  readonly not_known: readonly string[];
}

function totalsOf(entries: readonly PlanEntry[]): Totals {
  const count = (...states: readonly PlanEntry['state'][]) =>
    entries.filter(({ state }) => states.includes(state)).length;
  const ahead = entries.filter(({ state }) => state === 'run' || state === 'waits');
  const sum = (key: 'requests' | 'input_tokens' | 'output_tokens' | 'cost_usd') =>
    ahead.reduce((total, { estimate }) => total + (estimate?.[key] ?? 0), 0);
  const asks = ahead.filter(({ estimate }) => estimate?.requests !== undefined);
  return {
    to_run: ahead.length,
    cached: count('cached'),
    missing: count('missing'),
    requests: sum('requests'),
    input_tokens: sum('input_tokens'),
    output_tokens: sum('output_tokens'),
    cost_usd: sum('cost_usd'),
    without_price: asks
      .filter(({ estimate }) => (estimate?.input_tokens ?? 0) > 0 && estimate?.cost_usd === undefined)
      .map(({ stage }) => stage),
    // Nothing is known about the rows of a stage whose input is not made: its estimate counts none of them.
    not_known: asks
      .filter(({ state, estimate }) => state === 'waits' && estimate?.requests === 0)
      .map(({ stage }) => stage),
  };
}

function totalLines(totals: Totals, style: Style): readonly string[] {
  const { to_run, cached, missing, requests, input_tokens, output_tokens, cost_usd, without_price, not_known } = totals;
  if (missing > 0) return [style('red', 'The run would refuse: what is missing was left out by the choice of stages.')];
  if (to_run === 0) return [`Nothing to do: all ${cached} stages are cached.`];
  const spent = [
    `${amount(requests)} requests`,
    ...(input_tokens + output_tokens > 0
      ? [`about ${amount(input_tokens)} tokens in and ${amount(output_tokens)} out`]
      : []),
    ...(cost_usd > 0 ? [`about ${money(cost_usd)}`] : []),
  ];
  return [
    `${to_run} to run, ${cached} cached; ${spent.join(', ')}`,
    ...(without_price.length > 0
      ? [`No price is given for the models of ${without_price.join(', ')}: not in the sum.`]
      : []),
    ...(not_known.length > 0
      ? [`What ${not_known.join(', ')} will ask is known once the stages before have run: not in the sum.`]
      : []),
    ...(requests > 0 ? [style('dim', 'Answers that are stored already, or recorded, cost nothing.')] : []),
  ];
}
