import { SecpiError } from '../../base/errors.js';
import { type Source, sourceName } from '../../datasets/sources/source.js';

interface Rules {
  readonly sources: readonly Source[];
  readonly languages?: readonly string[] | undefined;
  readonly deny_licences: readonly string[];
  readonly decontaminate: readonly string[];
  readonly shard?: string | undefined;
}

/** What rows fell to, in words that go behind their number. Copies are no reason: the first of them would be a task. */
const fell: Readonly<Record<string, string>> = {
  bad_row: 'fell as `bad_row`',
  placeholder: 'had no prompt',
  other_language: 'fell to `collect.languages`',
  denied_licence: 'fell to `collect.deny_licences`',
  contaminated: 'fell to `collect.decontaminate`',
};

/** That nothing is left of the rows, with the rule that they fell to. */
export function noTasks(
  { rows, elsewhere }: { readonly rows: number; readonly elsewhere: number },
  reasons: Readonly<Record<string, number>>,
  rules: Rules,
): SecpiError {
  if (rows === 0) return noRows(rules);
  if (elsewhere > 0) {
    return new SecpiError('collect/no-tasks', `none of ${rows} rows is a task of part ${rules.shard}`, {
      hint: `All tasks (${elsewhere}) are in other parts: cut so few into fewer.`,
    });
  }
  const counts = Object.entries(reasons).sort(([, left], [, right]) => right - left);
  const why = counts.map(([code, count]) => `${count} ${fell[code] ?? 'were copies'}`).join(', ');
  return new SecpiError('collect/no-tasks', `none of ${rows} rows is a task: ${why}`, {
    hint: hintFor(counts[0]?.[0], rules),
  });
}

function noRows({ sources }: Rules): SecpiError {
  const sampled = sources.some(({ sample }) => sample !== undefined) ? ', or `sample` took none of few' : '';
  return new SecpiError('collect/no-tasks', `there are no rows in ${sources.map(sourceName).join(', ')}`, {
    hint: `The files are empty or hold an empty list${sampled}. \`secpi data peek\` shows what there is.`,
  });
}

function hintFor(code: string | undefined, { languages = [], deny_licences, decontaminate }: Rules): string {
  switch (code) {
    case 'other_language':
      return `Only ${languages.join(', ')} is kept. \`secpi data peek\` shows the languages of the tasks, as they are written here.`;
    case 'denied_licence': {
      const unknown = ' `none` denies rows without a known licence: name it with `licence` or `licence_column`.';
      return `Denied are ${deny_licences.join(', ')}.${deny_licences.includes('none') ? unknown : ''}`;
    }
    case 'contaminated':
      return `They are problems of ${decontaminate.join(', ')}: take other sources.`;
    default:
      return 'Check the column names under `collect.sources`: `secpi data peek` shows why rows are none.';
  }
}
