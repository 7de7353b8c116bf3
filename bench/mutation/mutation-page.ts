/** The part of Stryker's report that is used here (mutation-testing-report-schema, version 2). */
export interface StrykerReport {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Mutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly location: { readonly start: { readonly line: number; readonly column: number } };
}

interface Tally {
  readonly noticed: number;
  readonly missed: number;
}

/** The score as Stryker counts it: killed and timed out, of all that could be told; what tests never reach counts as missed. */
function tallyOf(mutants: readonly Mutant[]): Tally {
  const count = (...statuses: readonly string[]) => mutants.filter(({ status }) => statuses.includes(status)).length;
  return { noticed: count('Killed', 'Timeout'), missed: count('Survived', 'NoCoverage') };
}

function percent({ noticed, missed }: Tally): string {
  return noticed + missed === 0 ? '–' : `${((100 * noticed) / (noticed + missed)).toFixed(1)} %`;
}

/** What came out for one room, as a page and as a line. */
export function mutationPage(room: string, report: StrykerReport): { readonly text: string; readonly summary: string } {
  const files = Object.entries(report.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = tallyOf(files.flatMap(([, { mutants }]) => mutants));
  const summary = `${percent(all)} of ${all.noticed + all.missed} mutants noticed, ${all.missed} not`;
  const rows = files.map(([name, { mutants }]) => {
    const tally = tallyOf(mutants);
    return `| ${name} | ${percent(tally)} | ${tally.noticed} | ${tally.missed} |`;
  });
  const survivors = files.flatMap(([name, { mutants }]) =>
    mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      .map(({ mutatorName, replacement = '', location: { start } }) => {
        const change = replacement.replaceAll(/\s+/g, ' ').slice(0, 80).replaceAll('`', "'").replaceAll('|', '¦');
        return `- ${name}:${start.line}:${start.column} ${mutatorName} \`${change}\``;
      }),
  );
  const text = [
    `# Mutants of \`${room}\``,
    '',
    `Written by \`npx tsx bench/mutation.ts ${room}\`: ${summary}.`,
    '',
    '| file | score | noticed | missed |',
    '|---|---|---|---|',
    ...rows,
    '',
    '## Not noticed',
    '',
    ...survivors,
    '',
  ].join('\n');
  return { text, summary };
}
