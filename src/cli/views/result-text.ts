import type { RunFinished } from '../../engine/runs/event.js';
import { figuresOf } from '../../suites/figures/figure-names.js';
import { amount, counts, duration, money } from './format.js';
import { plainTable } from './plain-table.js';
import { oneLine, printable } from './printable.js';
import type { RunProgress, StageProgress } from './run-progress.js';
import type { Style } from './style.js';

/** Told once, at the end of a run. */
export type ShowResult = (progress: RunProgress, finished: RunFinished | undefined) => void;

export interface ResultOptions {
  readonly style: Style;
  readonly columns: number;
}

export interface FailureOptions {
  readonly style: Style;
  /** What a person types to go on. */
  readonly continueCommand: string;
}

/** All stages with outcome, time and counts. */
export function stageTable(stages: readonly StageProgress[], { style, columns }: ResultOptions): string {
  const rows = stages.map((stage) => [
    oneLine(stage.stage),
    stage.state,
    stage.seconds === undefined || stage.state === 'skipped' || stage.state === 'pending'
      ? ''
      : duration(stage.seconds),
    stage.state === 'skipped'
      ? oneLine(stage.why ?? '')
      : oneLine(stage.error?.message ?? (counts(stage) || (stage.why ?? '')), 300),
  ]);
  const head = ['stage', 'outcome', 'time', 'what'];
  const widths = [0, 1, 2].map((column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const rest = Math.max(20, columns - widths.reduce((sum, width) => sum + width + 2, 0));
  const coloured = rows.map(([stage = '', state = '', ...more]) => [stage, colouredState(state, style), ...more]);
  return plainTable(coloured, { head, align: ['left', 'left', 'right', 'left'], style, lastColumn: rest });
}

function colouredState(state: string, style: Style): string {
  if (state === 'done') return style('green', state);
  return state === 'failed' ? style('red', state) : style('dim', state);
}

const lacking = [
  ['no_answer', 'without an answer (their thinking was cut off)'],
  ['no_code', 'with an answer but no code'],
  ['refused', 'refused'],
] as const;

interface Variant {
  readonly name: string;
  readonly of: Readonly<Record<string, unknown>>;
}

/** One table for each suite: base, tuned, and the change; with the numbers of samples that the figures rest on. */
export function suiteTables(metrics: RunFinished['metrics'], { style }: ResultOptions): readonly string[] {
  return Object.entries(metrics).flatMap(([suite, group]) => {
    const variants = variantsOf(group);
    if (variants.length === 0) return [];
    const base = variants.find(({ name }) => name === 'base');
    const tuned = variants.find(({ name }) => name === 'tuned');
    const compare = base !== undefined && tuned !== undefined;
    const head = [suite, ...variants.map(({ name }) => name), ...(compare ? [changeName(variants)] : [])].map((text) =>
      oneLine(text),
    );
    // A suite without security tests has fewer of them, and scores of earlier versions do too.
    const figures = figuresOf(undefined).filter(({ key }) => variants.some(({ of }) => key in of));
    const rows = figures.map(({ label, key }) => {
      const change = compare ? [changeText(base.of[key], tuned.of[key], style)] : [];
      return [label, ...variants.map(({ of }) => figureText(of[key])), ...change];
    });
    for (const { reading, name } of readingsOf(variants)) {
      const values = variants.map(({ of }) => readingIn(of, reading)[name]);
      const [before, after] = [base, tuned].map((variant) => readingIn(variant?.of ?? {}, reading)[name]);
      const change = compare ? [changeText(before, after, style)] : [];
      rows.push([oneLine(`${name}, ${reading}`), ...values.map(figureText), ...change]);
    }
    for (const key of ['samples', 'problems']) {
      const cells = [key, ...variants.map(({ of }) => String(of[key] ?? '–')), ...(compare ? [''] : [])];
      rows.push(cells.map((text) => (text === '' ? '' : style('dim', text))));
    }
    const align = ['left' as const, ...variants.map(() => 'right' as const), 'right' as const];
    const notes = variants.flatMap(({ name, of: { unverified } }) =>
      typeof unverified === 'number' && unverified > 0
        ? [
            style(
              'yellow',
              `${suite}: ${unverified} ${unverified === 1 ? 'answer' : 'answers'} of ${name} could not be checked here (a toolchain or check did not run) and ${unverified === 1 ? 'is' : 'are'} left out of these figures`,
            ),
          ]
        : [],
    );
    return [[plainTable(rows, { head, align, style }), ...lackingNotes(suite, variants), ...notes].join('\n')];
  });
}

/** Between which two is said where there are more. */
function changeName(variants: readonly Variant[]): string {
  return variants.length === 2 ? 'change' : 'tuned − base';
}

/** Answers in which there was nothing to judge. They count as failed, which says little about the code that a model writes. */
function lackingNotes(suite: string, variants: readonly Variant[]): readonly string[] {
  const counts = variants.flatMap(({ name, of }) =>
    lacking.flatMap(([key, what]) => {
      const count = of[key];
      return typeof count === 'number' && count > 0 ? [`${name} ${count} ${what}`] : [];
    }),
  );
  return counts.length === 0
    ? []
    : [oneLine(`${suite}: nothing to judge, counted as failed: ${counts.join(', ')}`, 400)];
}

function variantsOf(group: unknown): readonly Variant[] {
  if (typeof group !== 'object' || group === null) return [];
  return Object.entries(group).flatMap(([name, of]: [string, unknown]) =>
    typeof of === 'object' && of !== null && 'func_at_1' in of ? [{ name, of: of as Variant['of'] }] : [],
  );
}

/** What the suite's own harness would report, by reading; the figures above are ours. */
function readingsOf(variants: readonly Variant[]): readonly { readonly reading: string; readonly name: string }[] {
  const found = new Map<string, { readonly reading: string; readonly name: string }>();
  for (const { of } of variants)
    for (const reading of Object.keys(of))
      for (const name of Object.keys(readingIn(of, reading))) found.set(`${reading} ${name}`, { reading, name });
  return [...found.values()];
}

function readingIn(of: Variant['of'], reading: string): Readonly<Record<string, unknown>> {
  const figures = of[reading];
  return typeof figures === 'object' && figures !== null ? (figures as Readonly<Record<string, unknown>>) : {};
}

function figureText(value: unknown): string {
  return typeof value === 'number' ? value.toFixed(3) : '–';
}

function changeText(base: unknown, tuned: unknown, style: Style): string {
  if (typeof base !== 'number' || typeof tuned !== 'number') return '–';
  const change = tuned - base;
  const text = `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(3)}`;
  if (Math.abs(change) < 0.0005) return text;
  return style(change < 0 ? 'red' : 'green', text);
}

/** What the answers that this run used took, bought or kept from before; empty when nothing was asked. */
export function spentText(stages: readonly StageProgress[]): string {
  const input = stages.reduce((sum, { tokens }) => sum + (tokens?.input ?? 0), 0);
  const output = stages.reduce((sum, { tokens }) => sum + (tokens?.output ?? 0), 0);
  const usd = stages.reduce((sum, { cost_usd }) => sum + (cost_usd ?? 0), 0);
  if (input + output === 0 && usd === 0) return '';
  return `answers used: ${amount(input)} tokens in, ${amount(output)} out${usd > 0 ? `; cost ${money(usd)}` : ''}`;
}

/** What went wrong and what to do, for stderr; empty when all went well. */
export function failureText(finished: RunFinished, { style, continueCommand }: FailureOptions): string {
  if (finished.outcome === 'done') return '';
  const command = `${style('bold', 'continue with:')} ${continueCommand}`;
  if (finished.outcome === 'detached') return `left; what it has begun on other machines goes on there\n${command}\n`;
  if (finished.outcome === 'interrupted') return `interrupted; what is finished stays finished\n${command}\n`;
  const { error } = finished;
  const failed = finished.stages.find((stage) => stage.outcome === 'failed')?.stage;
  const what = finished.outcome === 'gate' ? 'a gate said no' : 'error';
  return [
    `${style('red', `${what}${failed === undefined ? '' : ` in ${oneLine(failed)}`}:`)} ${printable(error?.message ?? 'unknown').trim()}`,
    ...(error?.hint === undefined ? [] : [`${style('bold', 'hint:')} ${printable(error.hint)}`]),
    `code: ${oneLine(error?.code ?? 'internal')}`,
    command,
    '',
  ].join('\n');
}
