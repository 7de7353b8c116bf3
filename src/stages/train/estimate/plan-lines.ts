import { GIB } from './fit.js';
import { MEMORY_PARTS } from './memory.js';
import type { ModelShape } from './model-shape.js';
import { ASSUMED_ROWS, type TrainingPlan } from './plan-training.js';
import type { TrainingSetup } from './training-setup.js';

/** A training's plan in a few lines, for a person. */
export function planLines(plan: TrainingPlan, model: string): readonly string[] {
  const { setup, card, memory, neededGib, fit, hours, costUsd } = plan;
  const { ranks, strategy, method } = setup;
  const shared = ranks === 1 ? '' : `, ${strategy}${setup.offload ? ' with offload' : ''}`;
  const gpus = ranks === 1 ? 'a GPU' : `${ranks} GPUs`;
  const on = `${card === undefined ? `${gpus} (the target names no \`card\`)` : `${ranks} × ${card.title}`}${shared}`;
  const parts = MEMORY_PARTS.flatMap((part) =>
    memory.parts[part] < 0.05 * GIB ? [] : [`${part} ${gib(memory.parts[part])}`],
  );
  const of = card === undefined ? '' : ` of ${card.gib}`;
  const verdict = fit === 'tight' ? ', tight' : fit === 'no' ? ', too much' : '';
  const held = memory.hostBytes === 0 ? '' : `; in the host's memory ${gib(memory.hostBytes * ranks)} GiB in all`;
  const cost = costUsd === undefined ? '' : `, about $${round(costUsd)}`;
  const time =
    hours === undefined
      ? ''
      : `; about ${round(hours.expected)} h (${round(hours.least)} to ${round(hours.most)})${cost}`;
  return [
    `${model}: ${numbers(plan.parameters)} parameters, ${numbers(plan.trained)} trained (${method}), on ${on}`,
    `memory per GPU, at the ${memory.moment}: ${neededGib.toFixed(1)} GiB${of}${verdict} (${parts.join(', ')}; the rest CUDA)${held}`,
    `${rowsText(plan)}: ${numbers(plan.tokens)} tokens, ${numbers(plan.tokens * plan.flopsPerToken)} FLOP${time}`,
  ];
}

function rowsText({ rows, passes, setup }: TrainingPlan): string {
  const times = `× ${round(passes)} passes`;
  if (rows.isKnown)
    return `${rows.rows.toLocaleString('en')} samples of about ${Math.round(rows.tokensPerRow)} tokens ${times}`;
  const all = `${rows.rows.toLocaleString('en')} samples of ${setup.tokens.toLocaleString('en')} tokens, the longest there can be`;
  return rows.rows === ASSUMED_ROWS && passes !== 1 ? `for every ${all}, ${times}` : `at most ${all}`;
}

/** What of the facts says enough to plan the same training for other GPUs. */
export interface TrainingFacts {
  readonly model_shape: ModelShape;
  readonly setup: TrainingSetup;
  readonly tokens: number;
  readonly samples: number | null;
}

/** Whether these are facts of `planFacts`. */
export function isTrainingFacts(facts: unknown): facts is TrainingFacts {
  return typeof facts === 'object' && facts !== null && 'model_shape' in facts && 'setup' in facts;
}

/** The same for programs. */
export function planFacts(plan: TrainingPlan, shape: ModelShape) {
  const { setup, card, memory, hours } = plan;
  return {
    model_shape: shape,
    setup,
    parameters: plan.parameters,
    trained_parameters: plan.trained,
    gpus: setup.ranks,
    card: card?.title ?? null,
    strategy: setup.strategy,
    memory_bytes: Object.fromEntries(MEMORY_PARTS.map((part) => [part, Math.round(memory.parts[part])])),
    memory_at: memory.moment,
    host_bytes: Math.round(memory.hostBytes),
    needed_gib: Number(plan.neededGib.toFixed(2)),
    available_gib: card?.gib ?? null,
    fit: plan.fit ?? null,
    would_fit: [...plan.instead],
    samples: plan.rows.isKnown ? plan.rows.rows : null,
    tokens: Math.round(plan.tokens),
    flops: plan.tokens * plan.flopsPerToken,
    hours: hours === undefined ? null : { expected: hours.expected, least: hours.least, most: hours.most },
  } satisfies TrainingFacts & Readonly<Record<string, unknown>>;
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}

const STEPS = [
  [1e21, 'Z'],
  [1e18, 'E'],
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

function numbers(count: number): string {
  const [step, unit] = STEPS.find(([size]) => count >= size) ?? [1, ''];
  return `${round(count / step)}${unit === '' ? '' : ` ${unit}`}`;
}

/** Three digits that mean something. */
function round(number: number): string {
  return number >= 100
    ? Math.round(number).toLocaleString('en')
    : String(Number(number.toPrecision(number >= 10 ? 3 : 2)));
}
