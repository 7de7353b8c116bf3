import { join } from 'node:path';
import { sha256Json } from '../base/hash.js';
import { type Means, openPlace, openTrainers } from '../compute/open-target.js';
import type { TargetSpec } from '../compute/target.js';
import { containerOf } from '../compute/trainer-target.js';
import type { StateDirectory } from '../engine/state-directory.js';
import { type SandboxPlanOptions, sandboxPlan } from '../scoring/sandbox-plan.js';
import type { ServedSandbox } from '../scoring/served-sandbox.js';
import type { StageServices, Waiting } from '../stages/services.js';
import { KeptJudgements } from '../suites/judging/kept-judgements.js';
import type { CliEnvironment } from './environment.js';

/** What was judged before, in this state folder. */
export function keptJudgementsIn(state: StateDirectory): StageServices['keptJudgements'] {
  return (suite, bench) => KeptJudgements.open(join(state.root, 'judgements', sha256Json([suite, bench]).slice(0, 32)));
}

/** The sandbox of a target, served there for as long as it is held. */
export async function sandboxOn(
  spec: TargetSpec,
  { onNote, signal }: Waiting,
  means: Means,
  { state, redact }: Pick<CliEnvironment, 'state' | 'redact'>,
): Promise<ServedSandbox> {
  const place = openPlace(spec, means);
  const container = containerOf(openTrainers(spec, means));
  // Here it is what this process is and finds; elsewhere what the machine or the image has.
  const isOurs = place.isHere && container === null;
  const options: SandboxPlanOptions = {
    node: spec.node ?? (isOurs ? process.execPath : 'node'),
    path: isOurs ? means.variables.PATH : undefined,
    container,
  };
  const digest = sha256Json(['sandbox', place.name, options.node, container?.image ?? null]).slice(0, 24);
  const { servedSandbox } = await import('../scoring/served-sandbox.js');
  return servedSandbox(
    {
      digest,
      place,
      plan: async () => sandboxPlan(options),
      stateDir: state.root,
      redact,
      onNote,
    },
    signal,
  );
}
