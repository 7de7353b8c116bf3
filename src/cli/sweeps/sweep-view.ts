import type { JournalEvent } from '../../engine/runs/event.js';
import { EventLines } from '../views/event-lines.js';
import { oneLine } from '../views/printable.js';
import type { Style } from '../views/style.js';

export interface SweepViewOptions {
  readonly stdout: NodeJS.WritableStream;
  readonly style: Style;
  /** What all members are called in front of their lines. */
  readonly names: readonly string[];
  readonly json: boolean;
  /** Also what the stages log, and what a member finds made. */
  readonly verbose: boolean;
  /** Only warnings. */
  readonly quiet: boolean;
}

/** Shows the members of a sweep while they run: the lines of each behind its name, or its events with its name and run in them. */
export class SweepView {
  readonly #options: SweepViewOptions;
  readonly #width: number;
  #interrupted = false;

  constructor(options: SweepViewOptions) {
    this.#options = options;
    this.#width = Math.max(...options.names.map((name) => name.length));
  }

  /** What takes the events of one member; `index` is its place among the names. */
  listener(member: string, index: number): (event: JournalEvent) => void {
    const { stdout, style, json, verbose } = this.#options;
    if (json) {
      let run = '';
      return (event) => {
        if (event.type === 'run-started') run = event.run;
        stdout.write(`${JSON.stringify({ ...event, run, member })}\n`);
      };
    }
    const lines = new EventLines({ logs: verbose ? 'info' : 'warnings', style });
    const name = style('dim', oneLine(this.#options.names[index] ?? member).padEnd(this.#width));
    return (event) => {
      const texts = lines.next(event);
      if (this.#isWanted(event)) for (const text of texts) stdout.write(`${name}  ${text}\n`);
    };
  }

  #isWanted(event: JournalEvent): boolean {
    const { verbose, quiet } = this.#options;
    if (quiet) return event.type === 'log';
    switch (event.type) {
      case 'interrupted': {
        const isFirst = !this.#interrupted;
        this.#interrupted = true;
        return isFirst;
      }
      // Most of what one member waits for or finds made, another one has told.
      case 'stage-waiting':
        return verbose;
      case 'stage-finished':
        return verbose || (event.outcome !== 'cached' && event.outcome !== 'skipped');
      default:
        return true;
    }
  }
}
