import { SecpiError } from '../../base/errors.js';
import { CARD_NAMES, CARDS, type CardName } from '../../compute/cards.js';
import { type CardCell, type CardRow, cardTable } from '../../stages/train/estimate/card-table.js';
import { isTrainingFacts } from '../../stages/train/estimate/plan-lines.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { toPlan } from '../recipes/plan-recipe.js';
import { readMembers } from '../recipes/recipe.js';
import type { SelectionOptions } from '../recipes/run-options.js';
import { plainTable } from '../views/plain-table.js';
import { oneLine } from '../views/printable.js';
import { styleFor } from '../views/style.js';

/**
 * `secpi plan RECIPE --for CARDS`: the recipe's training by each method, on the fewest of each card that it fits on. Throws
 * `cli/training-not-planned`, `cli/unknown-card`.
 */
export async function planCardsCommand(
  path: string,
  options: SelectionOptions & { readonly for: string },
  environment: CliEnvironment,
): Promise<number> {
  const names = cardNames(options.for);
  const members = await readMembers(path, options, environment);
  using interrupt = abortOnSignals();
  const style = styleFor(environment.stdout, environment.variables);
  const cards = names.map((name) => CARDS[name]);
  for (const planned of toPlan(members, environment, interrupt.signal)) {
    const { member, value } = planned.recipe;
    // Also where it has been trained already, and whatever part of the flow is chosen.
    const all = { set: options.set, member: options.member, only: [], force: ['train'] };
    const entry = (await planned.entries(all)).find(({ stage }) => stage === 'train');
    const facts = entry?.estimate?.facts;
    if (!isTrainingFacts(facts)) {
      throw new SecpiError('cli/training-not-planned', whyNot(value.models.target.model, entry?.estimate?.note), {
        hint: 'Memory is planned from the `config.json` of the base model, once it is there or where its name is known.',
        exitCode: 2,
      });
    }
    const rows = cardTable(facts.model_shape, facts.setup, cards, facts.tokens);
    if (options.json === true) {
      for (const row of rows) writeJson({ type: 'plan-cards', member, ...rowJson(row, names) }, environment);
      continue;
    }
    const table = plainTable(
      rows.map((row) => [row.method, row.tokens.toLocaleString('en'), ...row.cells.map(cellText)]),
      {
        head: ['method', 'tokens', ...cards.map(({ title }) => title)],
        align: ['left', 'right', ...cards.map(() => 'left' as const)],
        style,
      },
    );
    const lines = [
      style('bold', oneLine(member === '' ? value.name : `${value.name}, ${member}`)),
      '',
      table,
      '',
      `The fewest GPUs that each fits on, GiB on each of them, and hours for ${facts.tokens.toLocaleString('en')} tokens${facts.samples === null ? ', the most there can be' : ''}.`,
      '`!`: only just. Several share weights and moments (fsdp) where one cannot hold them. Hours are an assumption: see docs/training.md.',
    ];
    environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return 0;
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

function cellText(cell: CardCell | undefined): string {
  if (cell === undefined) return '-';
  const hours = cell.hours.expected;
  const time = hours >= 10 ? hours.toFixed(0) : hours.toFixed(1);
  return `${cell.ranks} × ${cell.neededGib.toFixed(0)}${cell.fit === 'tight' ? '!' : ''}, ${time} h`;
}

function rowJson({ method, tokens, cells }: CardRow, names: readonly CardName[]) {
  const cards = Object.fromEntries(
    names.map((name, index) => {
      const cell = cells[index];
      if (cell === undefined) return [name, null];
      const { ranks, strategy, neededGib, fit, hours } = cell;
      return [name, { gpus: ranks, strategy, needed_gib: Number(neededGib.toFixed(2)), fit, hours }];
    }),
  );
  return { method, tokens, cards };
}
