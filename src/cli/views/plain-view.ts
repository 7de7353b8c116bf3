import { EventLines } from './event-lines.js';
import { oneLine } from './printable.js';
import type { ShowResult } from './result-text.js';
import type { RunView } from './run-view.js';
import type { Style } from './style.js';

export interface PlainViewOptions {
  readonly stdout: NodeJS.WritableStream;
  readonly style: Style;
  /** Also what the stages log. */
  readonly verbose: boolean;
  /** Only warnings and the result. */
  readonly quiet: boolean;
  readonly showResult: ShowResult;
}

/** One line for each event that is worth one: for log files, pipes and terminals without cursor control. */
export function plainView({ stdout, style, verbose, quiet, showResult }: PlainViewOptions): RunView {
  const lines = new EventLines({ logs: verbose ? 'info' : 'warnings', style });
  return {
    onEvent(event) {
      const texts = lines.next(event);
      if (!quiet) for (const text of texts) stdout.write(`${text}\n`);
      else if (event.type === 'log' && event.level === 'warn') {
        stdout.write(`${style('yellow', 'warning:')} ${oneLine(event.stage)}: ${oneLine(event.message)}\n`);
      }
    },
    async finish(finished) {
      showResult(lines.progress, finished);
    },
  };
}
