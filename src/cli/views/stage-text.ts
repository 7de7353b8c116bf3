import { bar, counts, duration, roughly, speed } from './format.js';
import { oneLine } from './printable.js';
import { type StageProgress, secondsLeft } from './run-progress.js';

/** How far a running stage is: `120/500 steps (24 %), 4.1/s, 1 min 32 s left`. Empty when it has not said anything. */
export function progressText(stage: StageProgress): string {
  const { work } = stage;
  if (work === undefined) return '';
  const parts = [amountDone(stage)];
  if (stage.rate !== undefined && stage.rate > 0) parts.push(speed(stage.rate));
  const left = secondsLeft(stage);
  if (left !== undefined) parts.push(`${roughly(left)} left`);
  const loss = lossText(stage);
  if (loss !== '') parts.push(loss);
  else if (work.note !== undefined) parts.push(oneLine(work.note, 40));
  return parts.join(', ');
}

/** The same as one line of a live display, as long as `columns` allows: the least needed parts go first. */
export function progressBar(stage: StageProgress, columns: number): string {
  const { work } = stage;
  if (work === undefined) return '';
  const loss = lossText(stage);
  const left = secondsLeft(stage);
  const share = work.total === undefined || work.total === 0 ? undefined : work.done / work.total;
  // In order of importance; what does not fit any more is left out.
  const wanted: [place: number, text: string][] = [
    [1, amountDone(stage, share === undefined)],
    [4, loss],
    [3, left === undefined ? '' : `${roughly(left)} left`],
    [0, share === undefined ? '' : bar(share, 12)],
    [5, loss === '' ? '' : stage.loss.sparkline(12)],
    [2, stage.rate === undefined || stage.rate <= 0 ? '' : speed(stage.rate)],
    [6, loss === '' && work.note !== undefined ? oneLine(work.note, 30) : ''],
  ];
  const chosen: [number, string][] = [];
  let length = 0;
  for (const [place, text] of wanted) {
    if (text === '' || length + text.length + 2 > columns) continue;
    chosen.push([place, text]);
    length += text.length + 2;
  }
  return chosen
    .sort(([a], [b]) => a - b)
    .map(([, text]) => text)
    .join('  ');
}

/** What a stage that is over has to show: `done in 3.9 s: 24 kept, 24 rejected`. */
export function outcomeText(stage: StageProgress): string {
  const took = duration(stage.seconds ?? 0);
  switch (stage.state) {
    case 'done':
      return after(`done in ${took}`, counts(stage));
    case 'cached':
      return after('cached', counts(stage));
    case 'skipped':
      return after('skipped', oneLine(stage.why ?? ''));
    case 'stopped':
      return after(`stopped after ${took}`, oneLine(stage.why ?? ''));
    case 'failed':
      return after(`failed after ${took}`, oneLine(stage.error?.message ?? ''));
    default:
      return stage.state;
  }
}

function after(what: string, detail: string): string {
  return detail === '' ? what : `${what}: ${detail}`;
}

function amountDone({ work }: StageProgress, withPercent = true): string {
  if (work === undefined) return '';
  const { done, total, unit } = work;
  if (total === undefined) return `${done} ${oneLine(unit, 20)}`;
  const percent = total === 0 || !withPercent ? '' : ` (${Math.floor((100 * done) / total)} %)`;
  return `${done}/${total} ${oneLine(unit, 20)}${percent}`;
}

/** Of a training step; what a stage does before and after its steps has none. */
function lossText({ loss, work }: StageProgress): string {
  return loss.last === undefined || work?.unit !== 'steps'
    ? ''
    : `loss ${loss.last.toPrecision(Math.abs(loss.last) < 0.1 ? 2 : 3)}`;
}
