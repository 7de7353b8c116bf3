import type { TrainerEvent } from '../compute/target.js';
import type { StageEvent } from '../engine/runs/event.js';

/** Passes on what a trainer says as events of its stage; the step count doubles as progress. */
export function onEvent(emit: (event: StageEvent) => void): (event: TrainerEvent) => void {
  return (event) => {
    if (event.type === 'log') emit({ type: 'log', level: 'info', message: event.message });
    else if (event.type === 'progress') emit(event);
    else {
      emit({ type: 'metric', step: event.step, values: event.values });
      const { loss } = event.values;
      const note = typeof loss === 'number' ? `loss ${loss.toFixed(4)}` : undefined;
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
