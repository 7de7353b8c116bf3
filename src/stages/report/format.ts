import { parametersOf, type Trained } from '../train/records.js';

/** Figures as people read them. A missing figure is a dash, never 0. */
export function percent(value: number | null, digits = 1): string {
  return value === null ? '–' : `${(value * 100).toFixed(digits)} %`;
}

/** A difference of two shares, in percentage points. */
export function points(value: number | null): string {
  return value === null ? '–' : `${value > 0 ? '+' : value < 0 ? '−' : '±'}${Math.abs(value * 100).toFixed(1)}`;
}

export function percentInterval(interval: readonly [number, number] | null): string {
  return interval === null ? '' : `[${(interval[0] * 100).toFixed(1)}, ${(interval[1] * 100).toFixed(1)}]`;
}

export function pointsInterval(interval: readonly [number, number] | null): string {
  return interval === null ? '' : `[${points(interval[0])}, ${points(interval[1])}]`;
}

/** A p-value: `0.031`, `< 0.001`. */
export function probability(value: number | null): string {
  if (value === null) return '–';
  if (value < 0.001) return '< 0.001';
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

/** `12,345`. By hand: what the runtime knows of languages takes 20 ms to load. */
export function integer(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `0.4 s`, `12 s`, `1 min 20 s`, `2.1 h`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function dollars(value: number): string {
  return value === 0 ? '$0' : value < 0.01 ? '< $0.01' : `$${value.toFixed(2)}`;
}

/** How large the base model is, and how much was trained beside or in it. */
export function parameters(trained: Trained): string {
  const { base, trained: count } = parametersOf(trained);
  const share = `${Number(((count / base) * 100).toPrecision(3))} %`;
  const what =
    trained.method === 'full' ? `of them trained (${share})` : `trained, in an adapter (${share} of that number)`;
  return `${integer(base)} in the base model; ${integer(count)} ${what}`;
}
