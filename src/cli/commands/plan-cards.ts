import { SecpiError } from '../../base/errors.js';
import { CARD_NAMES, CARDS, type CardName } from '../../compute/cards.js';
import type { Recipe } from '../../pipeline.js';
import { type CardRow, cardTable } from '../../stages/train/estimate/card-table.js';
import { knownTraining } from '../../stages/train/estimate/known-training.js';
import type { TrainingPlan } from '../../stages/train/estimate/plan-training.js';
import { ASSUMED_ROWS } from '../../stages/train/estimate/training-count.js';
import { MOST_CARDS } from '../../stages/train/estimate/would-fit.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { toPlan } from '../recipes/plan-recipe.js';
import { readMembers } from '../recipes/recipe.js';
import type { SelectionOptions } from '../recipes/run-options.js';
import { roughly, wrapped } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { oneLine } from '../views/printable.js';
import { styleFor } from '../views/style.js';

/**
 * `secpi plan RECIPE --for CARDS`: the recipe's training by each method, on the fewest of each card that it fits on. It only counts: what the
 * recipe takes from the environment need not be set. Throws `cli/training-not-planned`, `cli/unknown-card`.
 */
export async function planCardsCommand(
  path: string,
  options: SelectionOptions & { readonly for: string },
  environment: CliEnvironment,
): Promise<number> {
  const names = cardNames(options.for);
  const members = await readMembers(path, options, environment, { standIns: true });
  using interrupt = abortOnSignals();
  const style = styleFor(environment.stdout, environment.variables);
  const cards = names.map((name) => CARDS[name]);
  for (const planned of toPlan(members, environment, interrupt.signal)) {
    const { member, value } = planned.recipe;
    const { base, samples } = await planned.inputsOf('train');
    const { shape, why, lengths } = await knownTraining(value.models.target, {
      ...(base === undefined ? {} : { base }),
      ...(samples === undefined ? {} : { samples }),
    });
    if (shape === undefined) {
      throw new SecpiError('cli/training-not-planned', whyNot(value.models.target.model, why), {
        hint: 'Memory is planned from the `config.json` of the base model, once it is there or where its name is known.',
        exitCode: 2,
      });
    }
    const rows = cardTable(shape, value.train, cards, lengths);
    if (options.json === true) {
      for (const row of rows) writeJson({ type: 'plan-cards', member, ...rowJson(row, names) }, environment);
      continue;
    }
    const table = plainTable(
      rows.map((row) => [row.method, row.tokens.toLocaleString('en'), ...row.plans.map(cellText)]),
      {
        head: ['method', 'max_tokens', ...cards.map(({ title }) => title)],
        align: ['left', 'right', ...cards.map(() => 'left' as const)],
        style,
      },
    );
    const lines = [
      style('bold', oneLine(member === '' ? value.name : `${value.name}, ${member}`)),
      '',
      table,
      '',
      ...legend(value.train, lengths).flatMap((text) => wrapped(text, LEGEND_WIDTH)),
    ];
    environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return 0;
}

const LEGEND_WIDTH = 120;

/** What the figures are of. */
function legend(
  { steps, epochs, batch_tokens }: Recipe['train'],
  lengths: readonly number[] | undefined,
): readonly string[] {
  const samples = `${(lengths?.length ?? ASSUMED_ROWS).toLocaleString('en')} samples`;
  // Then more GPUs take no less time: they see more.
  const each = batch_tokens === undefined ? ', each of so many samples on every GPU' : '';
  const work = steps === undefined ? `${epochs} × ${samples}` : `${steps.toLocaleString('en')} steps${each}`;
  const full = lengths === undefined ? ', all of them as long as `max_tokens` allows' : '';
  return [
    `The fewest GPUs that each fits on × GiB that each of them needs, and the time for ${work}${full}.`,
    `\`!\`: only just. \`-\`: on no number of them up to ${MOST_CARDS}. Several share weights and moments (fsdp) where one cannot hold them; with qlora each holds all.`,
    'qlora takes a `container` whose image has bitsandbytes, or `trainer: axolotl`.',
    "Times take a share of each card's rate for granted, and nothing for what GPUs send each other: see docs/training.md.",
  ];
}

/** With commas between; `4090` is `rtx-4090`. */
function cardNames(list: string): readonly CardName[] {
  return list.split(',').map((text) => {
    const found = CARD_NAMES.find((name) => name === text.trim() || name === `rtx-${text.trim()}`);
    if (found !== undefined) return found;
    throw new SecpiError('cli/unknown-card', `there is no card "${oneLine(text, 40)}" that is known here`, {
      hint: `There are: ${CARD_NAMES.join(', ')}.`,
      exitCode: 2,
    });
  });
}

function whyNot(model: string, note: string | undefined): string {
  return `the training of ${oneLine(model, 100)} cannot be planned${note === undefined ? '' : `: ${note}`}`;
}

function cellText(plan: TrainingPlan | undefined): string {
  if (plan === undefined) return '-';
  const { setup, neededGib, fit, hours } = plan;
  const time = hours === undefined ? '' : `, ${roughly(hours.expected * 3600)}`;
  return `${setup.ranks} × ${neededGib.toFixed(0)}${fit === 'tight' ? '!' : ''}${time}`;
}

function rowJson({ method, tokens, plans }: CardRow, names: readonly CardName[]) {
  const cards = Object.fromEntries(
    names.map((name, index) => {
      const plan = plans[index];
      if (plan === undefined) return [name, null];
      const { setup, neededGib, fit, hours, count } = plan;
      const { ranks: gpus, strategy } = setup;
      const [needed_gib, trained_tokens] = [Number(neededGib.toFixed(2)), Math.round(count.tokens)];
      return [name, { gpus, strategy, needed_gib, fit, trained_tokens, hours }];
    }),
  );
  return { method, tokens, cards };
}
