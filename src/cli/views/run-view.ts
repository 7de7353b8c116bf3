import type { JournalEvent, RunFinished } from '../../engine/runs/event.js';

/** One reader of the journal: shows a run while it runs. It never owns work and never decides anything. */
export interface RunView {
  readonly onEvent: (event: JournalEvent) => void;
  /** Ends the display and shows the result; called once, without a result when the run could not even be recorded. */
  finish(finished: RunFinished | undefined): Promise<void>;
}
