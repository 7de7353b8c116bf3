import { oneLine } from './printable.js';

/** What a run does that was told to end, by the `signal` of its event; `again`: what ends it at once. */
export function interruptedText(signal: string, again: string): string {
  if (signal === 'leave') return 'leaves: what it has begun on other machines goes on there';
  const atOnce = signal === 'cancel' ? '`secpi cancel --now` ends it at once' : `${again} at once`;
  return `${oneLine(signal)}: stopping where it can be resumed; ${atOnce}`;
}
