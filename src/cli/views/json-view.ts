import type { RunView } from './run-view.js';

/** One JSON object a line, exactly the journal's events; the last one is `run-finished`. */
export function jsonView(stdout: NodeJS.WritableStream): RunView {
  return {
    onEvent: (event) => {
      stdout.write(`${JSON.stringify(event)}\n`);
    },
    finish: () => Promise.resolve(),
  };
}
