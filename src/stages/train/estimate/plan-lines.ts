import { integer } from '../../report/format.js';
import { shareOfPeak } from './duration.js';
import { GIB } from './fit.js';
import { isMasked } from './memory/activations.js';
import { MEMORY_PARTS } from './memory/memory.js';
import { checkpointBytes } from './memory/states.js';
import type { TrainingPlan } from './plan-training.js';

/** A training's plan in a few lines, for a person. */
export function planLines(plan: TrainingPlan, model: string): readonly string[] {
  const { setup, count, flops } = plan;
  return [
    `${model}: ${numbers(plan.parameters)} parameters, ${numbers(plan.trained)} trained (${setup.method}), ${whereText(plan)}`,
    memoryText(plan),
    `${rowsText(plan)}: ${numbers(count.tokens)} tokens, ${flops.toExponential(1).replace('+', '')} FLOP${timeText(plan)}`,
    `each checkpoint takes ${round(checkpointBytes(plan.trained, setup) / 1e9)} GB of disk`,
  ];
}

function whereText({ setup, hardware: { device, card, idleGpus } }: TrainingPlan): string {
  const { ranks, strategy, offload } = setup;
  const shared = ranks === 1 ? '' : `, ${strategy}${offload ? ' with offload' : ''}`;
  if (device === 'cpu') {
    const idle = idleGpus === 0 ? '' : ' (its `gpus` count for nothing there)';
    return `${ranks === 1 ? 'on a CPU' : `on the CPUs of ${ranks} nodes`}${idle}${shared}`;
  }
  if (card !== undefined) return `on ${ranks} × ${card.title}${shared}`;
  return `on ${ranks === 1 ? 'a GPU' : `${ranks} GPUs`} (the target names no \`card\`)${shared}`;
}

function memoryText({ shape, setup, hardware, memory, neededGib, fit }: TrainingPlan): string {
  const { device, card } = hardware;
  const named = MEMORY_PARTS.flatMap((part) =>
    memory.parts[part] < 0.05 * GIB ? [] : [`${part} ${gib(memory.parts[part])}`],
  );
  if (device === 'cpu') {
    const parts = named.length === 0 ? '' : ` (${named.join(', ')})`;
    return `memory of each process, at the ${memory.moment}: ${gib(memory.bytes)} GiB${parts}, and Python's own`;
  }
  // `auto` takes flash-attn where that is installed, which nobody can know here.
  const own =
    setup.attention === 'sdpa' && isMasked(shape, setup)
      ? "; with PyTorch's own attention, and less with flash-attn"
      : '';
  const of = card === undefined ? '' : ` of ${card.gib}`;
  const verdict = fit === 'tight' ? ', tight' : fit === 'no' ? ', too much' : '';
  const host = memory.hostBytes * hardware.ranks.perNode;
  const held =
    host === 0 ? '' : `; in the memory of ${hardware.ranks.nodes > 1 ? 'each host' : 'the host'} ${gib(host)} GiB`;
  return `memory per GPU, at the ${memory.moment}: ${neededGib.toFixed(1)} GiB${of}${verdict} (${named.join(', ')}; the rest CUDA)${held}${own}`;
}

function rowsText({ count, setup }: TrainingPlan): string {
  const { isKnown, isAll, rows, steps, passes, tooLong } = count;
  const times = `× ${round(passes)} ${passes === 1 ? 'pass' : 'passes'}`;
  const inSteps = steps === 1 ? '1 step' : `${integer(steps)} steps`;
  if (!isKnown) {
    const full = `${integer(rows)} samples of ${integer(setup.tokens)} tokens, the longest there can be`;
    return isAll ? `${inSteps}, at most ${full}` : `for every ${full}, ${times}`;
  }
  const left = tooLong === 0 ? '' : ` (and ${integer(tooLong)} that are longer than \`max_tokens\`, left out)`;
  const mean = integer(Math.round(count.tokensOfRows / Math.max(1, rows)));
  return `${integer(rows)} samples of about ${mean} tokens${left} ${times}, ${inSteps}`;
}

function timeText({ hours, costUsd, setup, hardware: { card } }: TrainingPlan): string {
  if (hours === undefined || card === undefined) return '';
  const { expected, least, most } = hours;
  const [unit, times] = expected < 1 ? (['min', 60] as const) : (['h', 1] as const);
  const [about, from, to] = [expected, least, most].map((time) =>
    round(unit === 'min' ? Math.ceil(time * times) : time),
  );
  const rate = `${shareOfPeak(setup).expected * 100} % of ${integer(card.bf16Tflops)} TFLOPS`;
  const cost =
    costUsd === undefined ? '' : `, about $${costUsd < 10 ? costUsd.toFixed(2) : integer(Math.round(costUsd))}`;
  return `; about ${about} ${unit} (${from} to ${to})${cost}, if each GPU reaches ${rate}`;
}

/** What of the facts says how the training was counted. */
export function planFacts(plan: TrainingPlan) {
  const { shape, setup, memory, hours, count, hardware } = plan;
  const onGpu = hardware.device === 'cuda';
  return {
    model_shape: shape,
    setup,
    parameters: plan.parameters,
    trained_parameters: plan.trained,
    device: hardware.device,
    processes: setup.ranks,
    gpus: onGpu ? setup.ranks : 0,
    card: hardware.card?.title ?? null,
    strategy: setup.strategy,
    memory_bytes: Object.fromEntries(MEMORY_PARTS.map((part) => [part, Math.round(memory.parts[part])])),
    memory_at: memory.moment,
    /** In the host's memory, for each process. */
    host_bytes: Math.round(memory.hostBytes),
    checkpoint_bytes: checkpointBytes(plan.trained, setup),
    needed_gib: onGpu ? Number(plan.neededGib.toFixed(2)) : null,
    available_gib: hardware.card?.gib ?? null,
    fit: plan.fit ?? null,
    would_fit: plan.instead.map(({ words }) => words),
    samples: count.isKnown ? count.rows : null,
    too_long: count.isKnown ? count.tooLong : null,
    // Of samples that are not there, for so many thousand.
    steps: count.isAll ? count.steps : null,
    passes: count.passes,
    tokens: Math.round(count.tokens),
    flops: plan.flops,
    hours: hours === undefined ? null : { expected: hours.expected, least: hours.least, most: hours.most },
  };
}

function gib(size: number): string {
  return (size / GIB).toFixed(1);
}

const UNITS = [
  [1e12, ' T'],
  [1e9, ' B'],
  [1e6, ' M'],
  [1e3, ' k'],
] as const;

function numbers(count: number): string {
  const [step, unit] = UNITS.find(([size]) => count >= size) ?? [1, ''];
  return `${round(count / step)}${unit}`;
}

/** Three digits that mean something. */
function round(number: number): string {
  return number >= 100 ? integer(Math.round(number)) : String(Number(number.toPrecision(number >= 10 ? 3 : 2)));
}
