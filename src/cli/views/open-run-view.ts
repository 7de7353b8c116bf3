import type { StageSummary } from '../../engine/runs/event.js';
import type { CliEnvironment } from '../environment.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { jsonView } from './json-view.js';
import { plainView } from './plain-view.js';
import type { ShowResult } from './result-text.js';
import type { RunView } from './run-view.js';
import { styleFor } from './style.js';

/** Below this a live display would break its lines at every turn. */
const NARROWEST = 40;

/**
 * How a run is shown: JSON lines, a live list on a terminal, or plain lines. Where lines are wanted
 * that stay (`--verbose`, `--quiet`, a pipe, CI), there is no live list. `continueWith` gives what a person types to go on.
 */
export async function openRunView(
  options: OutputOptions,
  environment: CliEnvironment,
  continueWith: (stages: readonly StageSummary[]) => string,
): Promise<RunView> {
  const { stdout, stderr, variables, redact } = environment;
  if (options.json === true) return jsonView(stdout);
  const style = styleFor(stdout, variables);
  const { failureText, spentText, stageTable, suiteTables } = await import('./result-text.js');
  const resultOptions = {
    style,
    columns: stdout.isTTY ? Math.max(stdout.columns, NARROWEST) : 100,
  };
  const live = isLive(environment) && options.verbose !== true && options.quiet !== true;

  const showResult: ShowResult = (progress, finished) => {
    if (finished === undefined) return;
    // The live list that stays on the screen has told this already.
    const blocks = live ? [] : [stageTable(progress.stages, resultOptions)];
    blocks.push(...suiteTables(finished.metrics, resultOptions));
    const spent = spentText(progress.stages);
    if (spent !== '') blocks.push(style('dim', spent));
    if (blocks.length > 0) stdout.write(`\n${blocks.join('\n\n')}\n`);
    const failure = failureText(finished, {
      style: styleFor(stderr, variables),
      continueCommand: redact(continueWith(finished.stages)),
    });
    if (failure !== '') stderr.write(`\n${redact(failure)}`);
  };
  if (!live) {
    return plainView({ stdout, style, verbose: options.verbose === true, quiet: options.quiet === true, showResult });
  }
  const { terminalView } = await import('./terminal-view.js');
  return terminalView({ stdout, stderr, style, showResult });
}

function isLive({ stdout, variables: { CI, TERM } }: CliEnvironment): boolean {
  const inCi = CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0';
  return stdout.isTTY && stdout.columns >= NARROWEST && TERM !== 'dumb' && !inCi;
}
