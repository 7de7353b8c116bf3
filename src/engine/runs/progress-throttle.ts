import type { ProgressEvent, StageEvent } from './event.js';

export interface ThrottledEmit {
  readonly emit: (event: StageEvent) => void;
  /** Hands on what is held back, and nothing any more after that. */
  readonly end: () => void;
}

/**
 * Hands on progress at most every `everyMs`: a stage may report each of a million rows, and nobody reads so fast. The first of
 * a kind, the last, and everything that is no progress go through at once, so what is held back is only ever out of date.
 */
export function throttleProgress(emit: (event: StageEvent) => void, everyMs: number): ThrottledEmit {
  let held: ProgressEvent | undefined;
  let last: { readonly unit: string; readonly at: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const release = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held === undefined) return;
    last = { unit: held.unit, at: performance.now() };
    emit(held);
    held = undefined;
  };

  return {
    emit(event) {
      // A callback that comes late must not write into the events of the next stage.
      if (ended) return;
      if (event.type !== 'progress') {
        emit(event);
        return;
      }
      // Another piece of work begins: how far the one before it came is said first.
      if (held !== undefined && held.unit !== event.unit) release();
      held = event;
      const wait = last?.unit === event.unit ? last.at + everyMs - performance.now() : 0;
      if (wait <= 0 || event.done === event.total) release();
      else timer ??= setTimeout(release, wait).unref();
    },
    end() {
      release();
      ended = true;
    },
  };
}
