import { expectedError } from '../../../base/files/system-error.js';
import { worldOf } from '../../../compute/ranks.js';
import type { EstimateContext, StageEstimate } from '../../../engine/stage.js';
import { integer } from '../../report/format.js';
import type { StageServices } from '../../services.js';
import { type KnownTraining, knownTraining } from './known-training.js';
import { planFacts, planLines } from './plan-lines.js';
import { planTraining, type TrainingPlan } from './plan-training.js';
import { type CountedSpec, countTraining } from './training-count.js';

type Context = EstimateContext<CountedSpec & { readonly on: string }, 'base' | 'samples', StageServices>;

/** What `secpi plan` says of the training: tokens, memory, hours, cost, and whether it fits on the target's cards. */
export async function estimateTraining({ params, inputs, services, signal }: Context): Promise<StageEstimate> {
  const start = await foreseen(params.on, services, signal);
  const known = await knownTraining(services.tunedModel, inputs);
  const notes = start === undefined ? [] : [start];
  const refusal = nothingToTrain(params, known);
  if (refusal !== undefined) return { ...noted(notes), refusal };
  const hardware = services.hardware(params.on);
  const { shape, why, lengths } = known;
  if (shape === undefined) {
    return noted([
      ...tokensText(params, lengths, worldOf(hardware.ranks)),
      ...(why === undefined ? [] : [why]),
      ...notes,
    ]);
  }
  const plan = planTraining(shape, params, hardware, lengths);
  const { costUsd, hours, count } = plan;
  const { model } = services.tunedModel;
  return {
    ...noted(notes),
    details: planLines(plan, model),
    facts: planFacts(plan),
    // Of rows that are taken for granted it says nothing.
    ...(costUsd === undefined || !count.isAll ? {} : { cost_usd: costUsd }),
    ...(hours === undefined || !count.isAll ? {} : { seconds: hours.expected * 3600 }),
    ...(plan.fit === 'no' ? { refusal: tooLarge(plan, model) } : {}),
  };
}

function tooLarge({ setup, hardware: { card }, neededGib, instead }: TrainingPlan, model: string) {
  const { ranks, method, tokens } = setup;
  const those = ranks === 1 ? ', and the GPU' : ` on each of ${ranks} GPUs, and one`;
  return {
    code: 'train/does-not-fit',
    message: `${model} with \`method: ${method}\` and \`max_tokens: ${tokens}\` needs ${neededGib.toFixed(0)} GiB${those} (${card?.title}) has ${card?.gib}`,
    hint:
      instead.length === 0
        ? 'No single change of the recipe would make it fit.'
        : `Each of these alone would fit: ${instead.map(({ words }) => words).join('; ')}.`,
  };
}

/** The trainer would say the same, once everything is loaded. */
function nothingToTrain({ holdout }: CountedSpec, { lengths }: KnownTraining) {
  if (lengths === undefined || lengths.length > holdout) return undefined;
  const message = `there are ${lengths.length} samples, and ${holdout} are set aside: none is left to train on`;
  return { code: 'trainer/nothing-to-train', message, hint: 'Look at what `curate` has dropped, or lower `holdout`.' };
}

/** When it would begin there; where that cannot be asked, why. */
async function foreseen(on: string, services: StageServices, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await services.target(on).foresee(signal);
  } catch (error) {
    signal.throwIfAborted();
    const expected = expectedError(error);
    if (expected === undefined) throw error;
    return expected.message;
  }
}

function noted(notes: readonly string[]): StageEstimate {
  return notes.length === 0 ? {} : { note: notes.join('; ') };
}

/** What is said where nothing is known of the model. */
function tokensText(params: CountedSpec, lengths: readonly number[] | undefined, processes: number): readonly string[] {
  if (lengths === undefined) return [];
  const { tokens, rows, passes, steps } = countTraining(params, lengths, processes);
  return [`about ${integer(Math.round(tokens))} tokens (${rows} rows, ${passes.toFixed(1)} passes, ${steps} steps)`];
}
