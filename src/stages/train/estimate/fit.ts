import { CARDS, type Card, type CardName } from '../../../compute/cards.js';
import { memoryOf } from './memory.js';
import { type ModelShape, parametersOf } from './model-shape.js';
import { computeBytes, type TrainingSetup } from './training-setup.js';

export const GIB = 2 ** 30;

/** What CUDA and its libraries take on each GPU, and what sending between several does: usual figures of H100s, not measured here. */
const CUDA_GIB = 0.6;
const SENDING_GIB = 1;

/** Fuller than this, pieces of memory that nothing fits into may be one too many. */
const COMFORTABLE = 0.92;

/** `tight`: it fits if nothing is lost between the pieces. */
export type Fit = 'fits' | 'tight' | 'no';

/** GiB that one GPU needs, with what is no tensor of the training. */
export function neededGib(shape: ModelShape, setup: TrainingSetup): number {
  return memoryOf(shape, setup).bytes / GIB + CUDA_GIB + (setup.ranks > 1 ? SENDING_GIB : 0);
}

/** Whether a training fits on such cards. */
export function fitOn(shape: ModelShape, setup: TrainingSetup, card: Card): Fit {
  const share = neededGib(shape, setup) / card.gib;
  return share <= COMFORTABLE ? 'fits' : share <= 1 ? 'tight' : 'no';
}

/** What weights and all that belongs to them may take of a card that holds all of it; the rest is for activations. */
export const SHARE_OF_A_CARD = 0.6;

/** What `auto` becomes, as `strategy_of` in `trainers/secpi_trainers/training/ranks/parallel.py` decides when the training begins. */
export function strategyFor(
  shape: ModelShape,
  setup: Omit<TrainingSetup, 'strategy'>,
  card: Card | undefined,
): TrainingSetup['strategy'] {
  if (setup.ranks === 1 || setup.method === 'qlora') return 'ddp';
  if (setup.offload) return 'fsdp';
  if (card === undefined) return setup.method === 'full' ? 'fsdp' : 'ddp';
  const perNumber = setup.method === 'full' ? 16 : computeBytes(setup);
  return perNumber * parametersOf(shape).total < SHARE_OF_A_CARD * card.gib * GIB ? 'ddp' : 'fsdp';
}

const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128] as const;

/** The smallest number of such cards that a training fits on, in the way that `auto` would share it; undefined where none of 128 does. */
export function leastCards(shape: ModelShape, setup: TrainingSetup, card: Card): TrainingSetup | undefined {
  for (const ranks of COUNTS) {
    const { strategy: _, ...rest } = setup;
    const tried = { ...rest, ranks };
    const chosen = { ...tried, strategy: strategyFor(shape, tried, card) };
    if (fitOn(shape, chosen, card) !== 'no') return chosen;
  }
  return undefined;
}

const MOST_SAID = 5;

/** Changes that would make it fit, each by itself, in the words of a recipe; the mildest first. */
export function whatWouldFit(shape: ModelShape, setup: TrainingSetup, card: Card): readonly string[] {
  const fits = (changes: Partial<TrainingSetup>, on: Card = card) =>
    fitOn(shape, { ...setup, ...changes }, on) !== 'no';
  const settings: readonly (readonly [boolean, Partial<TrainingSetup>, string])[] = [
    [!setup.gradientCheckpointing, { gradientCheckpointing: true }, '`gradient_checkpointing: true`'],
    [setup.loss === 'plain', { loss: 'chunked' }, '`loss: chunked`'],
    [setup.batchSize > 1, { batchSize: 1 }, '`batch_size: 1`'],
    [setup.optimizer === 'adamw', { optimizer: 'adamw_8bit' }, '`optimizer: adamw_8bit`'],
    [setup.ranks > 1 && setup.strategy === 'ddp', { strategy: 'fsdp' }, '`parallel: { strategy: fsdp }`'],
    [setup.method === 'full', { method: 'lora' }, '`method: lora`'],
    [setup.method !== 'qlora', { method: 'qlora', strategy: 'ddp' }, '`method: qlora`'],
    [
      setup.method !== 'qlora' && setup.ranks > 1 && !setup.offload,
      { strategy: 'fsdp', offload: true },
      "`parallel: { strategy: fsdp, offload: true }`, if the host's memory suffices",
    ],
  ];
  const found = settings.flatMap(([isChange, changes, words]) => (isChange && fits(changes) ? [words] : []));
  const shorter = longestFitting(setup.tokens, (tokens) => fits({ tokens }));
  if (shorter !== undefined) found.push(`\`max_tokens: ${shorter}\``);
  const more = leastCards(shape, setup, card);
  if (more !== undefined && more.ranks > setup.ranks) found.push(`${more.ranks} × ${card.title} (${more.strategy})`);
  const others = (Object.keys(CARDS) as CardName[])
    .map((name): Card => CARDS[name])
    .filter((other) => other.gib > card.gib);
  const other = others.reverse().find((larger) => fits({}, larger));
  if (other !== undefined) found.push(`${setup.ranks} × ${other.title}`);
  return found.slice(0, MOST_SAID);
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
