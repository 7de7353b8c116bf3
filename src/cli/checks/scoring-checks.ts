import type { Means } from '../../compute/open-target.js';
import type { TargetSpec } from '../../compute/target.js';
import type { CliEnvironment } from '../environment.js';
import { sandboxOn } from '../scoring.js';
import type { Check } from './check.js';
import { judgeSandbox, noSandbox } from './sandbox-checks.js';

/** Whether answers can be scored on a target: opens its sandbox, as an evaluation does, and tries to break out of it. */
export async function checkScoring(
  spec: TargetSpec,
  means: Means,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const missing = {
    detail: 'no suite that needs it can be scored there',
    advice: 'Install it there.',
  };
  try {
    await using sandbox = await sandboxOn(spec, { signal, onNote: () => undefined }, means, environment);
    return judgeSandbox(sandbox, await sandbox.selfTest(signal), missing);
  } catch (error) {
    signal.throwIfAborted();
    return [noSandbox(error)];
  }
}
