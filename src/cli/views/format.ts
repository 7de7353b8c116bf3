import { withoutAnswer } from '../../stages/asking.js';
import type { StageProgress } from './run-progress.js';

/** How numbers are written for people. */

/** `0.4 s`, `12 s`, `1 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time that is only estimated: `40 s`, `12 min`, `3.5 h`. */
export function roughly(seconds: number): string {
  if (seconds < 59.5) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** `950`, `9.5k`, `61k`, `1.2M`. */
export function amount(count: number): string {
  if (Math.abs(count) < 1000) return String(Number.isInteger(count) ? count : Number(count.toFixed(2)));
  for (const [unit, size] of [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
  ] as const) {
    const scaled = count / size;
    if (Math.abs(scaled) < 9.95) return `${scaled.toFixed(1)}${unit}`;
    if (Math.abs(scaled) < 999.5) return `${Math.round(scaled)}${unit}`;
  }
  return `${(count / 1e12).toFixed(1)}T`;
}

/** `$0.0004`, `$0.12`, `$1234`. */
export function money(usd: number): string {
  if (usd === 0) return '$0';
  if (Math.abs(usd) < 0.01) return `$${Number(usd.toPrecision(1))}`;
  return usd < 100 ? `$${usd.toFixed(2)}` : `$${Math.round(usd)}`;
}

/** Sizes in powers of 1024: `512 B`, `1.5 GiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `4.1/s` or, when slow, `12/min`. */
export function speed(perSecond: number): string {
  if (perSecond >= 9.95) return `${Math.round(perSecond)}/s`;
  return perSecond >= 0.95 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toPrecision(2)}/min`;
}

/** What a stage counts where a question got no usable answer. */
const UNANSWERED: readonly string[] = ['missing', 'without_a_verdict'];

/** Counts of a stage: `48 tasks, 3 dropped`, `1 file`; `3 missing (refused 2, truncated 1)`. */
export function counts({ counts: values = {}, reasons = {} }: Pick<StageProgress, 'counts' | 'reasons'>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const why = value > 0 && UNANSWERED.includes(name) ? withoutAnswer(reasons).why : '';
      const what = value === 1 ? singular(name) : name.replaceAll('_', ' ');
      return `${amount(value)} ${what}${why === '' ? '' : ` (${why})`}`;
    })
    .join(', ');
}

function singular(name: string): string {
  return name.replaceAll('_', ' ').replace(/(?<!s)s$/, '');
}

/** Local time of day, `14:03:07`. */
export function clock(time: string): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Local date and time, `2026-05-09 14:03`. */
export function dateTime(time: string): string {
  const date = new Date(time);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${day.join('-')} ${clock(time).slice(0, 5)}`;
}

/** `[█████░░░░░]` without the brackets. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** Lines of at most `width` characters, broken between words; a longer word stands alone. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(20, width)) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
