import { CARDS, type CardName } from '../../../compute/cards.js';
import type { Hardware } from '../../../compute/hardware.js';
import { worldOf } from '../../../compute/ranks.js';
import { type Demand, demandsOf } from '../packages.js';
import type { TrainSpec } from '../spec.js';
import { type Fit, fitOn, GIB } from './fit.js';
import { isMasked } from './memory/activations.js';
import { memoryOf } from './memory/memory.js';
import { isSharded, type TrainingSetup } from './memory/training-setup.js';
import type { ModelShape } from './model/model-shape.js';
import { setupFor } from './setup-for.js';

/** Settings of `train` as they would stand in a recipe. */
type Settings = Partial<
  Pick<
    TrainSpec,
    | 'method'
    | 'optimizer'
    | 'dtype'
    | 'loss'
    | 'attention'
    | 'batch_size'
    | 'gradient_accumulation'
    | 'gradient_checkpointing'
    | 'max_tokens'
  >
> & { readonly parallel?: Partial<TrainSpec['parallel']> };

/** What to change in a recipe, all of it together, so that its training fits. */
export interface Remedy {
  readonly train: Settings;
  /** As many GPUs on the target, over all nodes. */
  readonly gpus?: number;
  /** Of another kind. */
  readonly card?: CardName;
  /** Packages that have to be in the image of a `container` of the target. */
  readonly packages: readonly string[];
  /** The same for a person, with what it takes besides. */
  readonly words: string;
}

/** How many of a card are looked at: as many as a target may have on one machine. */
const COUNTS = [1, 2, 4, 8, 16, 32, 64] as const;
export const MOST_CARDS = 64;

/** The smallest number of the target's cards that a training fits on; undefined where none up to `MOST_CARDS` does. */
export function leastCards(
  shape: ModelShape,
  spec: TrainSpec,
  hardware: Hardware,
): { readonly hardware: Hardware; readonly setup: TrainingSetup; readonly fit: Fit } | undefined {
  const { card } = hardware;
  if (card === undefined) return undefined;
  for (const count of COUNTS) {
    // Axolotl trains on one.
    if (count > 1 && spec.trainer === 'axolotl') break;
    const such = withGpus(hardware, count);
    const setup = setupFor(spec, shape, such);
    const fit = fitOn(shape, setup, card);
    if (fit !== 'no') return { hardware: such, setup, fit };
  }
  return undefined;
}

function withGpus(hardware: Hardware, count: number): Hardware {
  return { ...hardware, ranks: { perNode: count, nodes: 1 } };
}

const MOST_SAID = 5;

/**
 * Changes that would make a training fit that does not, each by itself, the mildest first; settings before hardware. Carried out as they stand,
 * with the packages that they name, they make a recipe that is valid and fits.
 */
export function whatWouldFit(shape: ModelShape, spec: TrainSpec, hardware: Hardware): readonly Remedy[] {
  const { card } = hardware;
  if (card === undefined) return [];
  const fits = (train: Settings, on = hardware) => {
    const changed = { ...spec, ...train, parallel: { ...spec.parallel, ...train.parallel } };
    return on.card !== undefined && fitOn(shape, setupFor(changed, shape, on), on.card) !== 'no';
  };
  const shorter = (train: Settings): readonly Settings[] => {
    const tokens = longestFitting(spec.max_tokens, (max_tokens) => fits({ ...train, max_tokens }));
    return tokens === undefined ? [] : [{ ...train, max_tokens: tokens }];
  };
  const settings = settingsThatTakeLess(spec, shape, hardware);
  const alone = [...settings.filter((train) => fits(train)), ...shorter({})];
  // Where none suffices by itself, with shorter rows it may.
  const found = alone.length > 0 ? alone : settings.flatMap(shorter);
  const remedies = found.slice(0, MOST_SAID).map((train) => remedyOf(train, spec, shape, hardware));
  return [...remedies, ...moreCards(shape, spec, hardware), ...largerCard(hardware, (on) => fits({}, on))];
}

/** Changes of single settings, with what has to be changed beside them. */
function settingsThatTakeLess(spec: TrainSpec, shape: ModelShape, hardware: Hardware): readonly Settings[] {
  const setup = setupFor(spec, shape, hardware);
  const { strategy, offload } = spec.parallel;
  const ranks = worldOf(hardware.ranks);
  // 4-bit weights are neither split nor offloaded.
  const whole = strategy === 'fsdp' || strategy === 'zero3' || offload;
  const qlora = whole ? ({ method: 'qlora', parallel: { strategy: 'auto', offload: false } } as const) : QLORA;
  const split = strategy === 'zero3' ? 'zero3' : 'fsdp';
  const several = ranks > 1 && spec.trainer === 'trl' && spec.method !== 'qlora';
  const candidates: readonly (readonly [boolean, Settings])[] = [
    [!spec.gradient_checkpointing, { gradient_checkpointing: true }],
    [spec.loss === 'plain', { loss: 'chunked' }],
    [spec.attention === 'eager', { attention: 'sdpa' }],
    [isMasked(shape, setup) && spec.dtype === 'bfloat16', { attention: 'flash_attention_2' }],
    // The same step in more passes.
    [spec.batch_size > 1, { batch_size: 1, gradient_accumulation: setup.accumulation * spec.batch_size }],
    [spec.dtype === 'float32', { dtype: 'bfloat16' }],
    // Moments that are split as well have been tried by nobody here.
    [spec.optimizer === 'adamw' && !isSharded(setup), { optimizer: 'adamw_8bit' }],
    [several && setup.strategy === 'ddp', { parallel: { strategy: 'fsdp' } }],
    [spec.method === 'full', { method: 'lora' }],
    [spec.method !== 'qlora', qlora],
    [several && !offload, { parallel: { strategy: split, offload: true } }],
  ];
  // A training over several nodes cannot be in a container.
  const canBe = (train: Settings) => hardware.ranks.nodes === 1 || neededBy(train, spec, hardware).length === 0;
  return candidates.flatMap(([isChange, train]) => (isChange && canBe(train) ? [train] : []));
}

const QLORA = { method: 'qlora' } as const;

/** More of the same cards; where the recipe names a way to share that does not help, with the one that does. */
function moreCards(shape: ModelShape, spec: TrainSpec, hardware: Hardware): readonly Remedy[] {
  const { card } = hardware;
  const free = { ...spec, parallel: { ...spec.parallel, strategy: 'auto' as const } };
  for (const [such, train] of [
    [spec, {}],
    [free, { parallel: { strategy: 'auto' } }],
  ] as const) {
    const least = leastCards(shape, such, hardware);
    if (card === undefined || least === undefined || least.setup.ranks <= worldOf(hardware.ranks)) continue;
    const { ranks: gpus, strategy } = least.setup;
    const words = [`${gpus} × ${card.title} (${strategy})`, ...partsOf(train)].join(' with ');
    return [{ train, gpus, packages: [], words }];
  }
  return [];
}

/** The smallest kind of card that it fits on as it stands. */
function largerCard(hardware: Hardware, fits: (on: Hardware) => boolean): readonly Remedy[] {
  const names = (Object.keys(CARDS) as CardName[]).toSorted((one, other) => CARDS[one].gib - CARDS[other].gib);
  const found = names.find(
    (name) => CARDS[name].gib > (hardware.card?.gib ?? 0) && fits({ ...hardware, card: CARDS[name] }),
  );
  if (found === undefined) return [];
  const words = `${worldOf(hardware.ranks)} × ${CARDS[found].title}`;
  return [{ train: {}, card: found, packages: [], words }];
}

function remedyOf(train: Settings, spec: TrainSpec, shape: ModelShape, hardware: Hardware): Remedy {
  const needed = neededBy(train, spec, hardware);
  const packages = needed.map(({ name }) => name);
  const takes = needed.map(({ name, isThere }) =>
    isThere === 'perhaps' ? `if the image has ${name}` : `on a target with a \`container\` whose image has ${name}`,
  );
  if (train.parallel?.offload === true) {
    const changed = { ...spec, ...train, parallel: { ...spec.parallel, ...train.parallel } };
    const host = memoryOf(shape, setupFor(changed, shape, hardware)).hostBytes * hardware.ranks.perNode;
    takes.push(
      `with ${Math.ceil(host / GIB)} GiB of the host's memory${hardware.ranks.nodes > 1 ? ' on each node' : ''}`,
    );
  }
  if (train.max_tokens !== undefined) takes.push('longer samples are dropped');
  const words = [partsOf(train).join(' with '), ...takes].join(', ');
  return { train, packages, words };
}

/** What of packages these settings take that is not known to be there. */
function neededBy(train: Settings, { trainer }: TrainSpec, { isContainer }: Hardware): readonly Demand[] {
  return demandsOf(train, trainer, isContainer).filter(({ isThere }) => isThere !== 'yes');
}

/** Each setting as it stands in a recipe. */
function partsOf(train: Settings): readonly string[] {
  return Object.entries(train).map(([key, value]) => {
    if (typeof value !== 'object') return `\`${key}: ${value}\``;
    const inner = Object.entries(value).map(([name, item]) => `${name}: ${item}`);
    return `\`${key}: { ${inner.join(', ')} }\``;
  });
}

/** The most tokens, in whole thousands of 1,024, with which it fits; undefined below 1,024. */
function longestFitting(tokens: number, fits: (tokens: number) => boolean): number | undefined {
  let [least, most] = [0, Math.floor((tokens - 1) / 1024)];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle * 1024)) least = middle;
    else most = middle - 1;
  }
  return least === 0 ? undefined : least * 1024;
}
