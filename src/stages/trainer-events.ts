import type { TrainerEvent } from '../compute/target.js';
import type { StageEvent } from '../engine/runs/event.js';

/** Passes on what a trainer says as events of its stage; the step count doubles as progress. */
export function onEvent(emit: (event: StageEvent) => void): (event: TrainerEvent) => void {
  return (event) => {
    if (event.type === 'log') emit({ type: 'log', level: 'info', message: event.message });
    else if (event.type === 'progress') emit(event);
    else {
      emit({ type: 'metric', step: event.step, values: event.values });
      const note = noteOf(event.values);
      emit({
        type: 'progress',
        done: event.step,
        total: event.total_steps,
        unit: 'steps',
        ...(note === undefined ? {} : { note }),
      });
    }
  };
}

/** What a person wants to see of a step at once. */
function noteOf({ loss, tokens_per_second, mfu }: Readonly<Record<string, number | null>>): string | undefined {
  const parts = [
    typeof loss === 'number' ? `loss ${loss.toFixed(4)}` : undefined,
    typeof tokens_per_second === 'number'
      ? `${Math.round(tokens_per_second).toLocaleString('en')} tokens/s`
      : undefined,
    typeof mfu === 'number' ? `MFU ${(100 * mfu).toFixed(0)} %` : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(', ');
}
