import type { Json } from '../../base/json.js';
import type { PinnedFiles } from '../../engine/stage.js';
import { CUE_TEXTS, type Cue } from '../../security/prompts/cues.js';
import { promptsDigest } from '../../security/prompts/prompt-file.js';
import type { StageServices } from '../services.js';
import { isWeights, type Variant } from './variant.js';

/** What decides the answers of variants that are not simply this recipe's weights; nothing where all are. */
export async function variantPins(
  variants: readonly Variant[],
  services: StageServices,
  files: PinnedFiles,
): Promise<Readonly<Record<string, Json>>> {
  const models = [...new Set(variants.map(({ of }) => of))].filter((of) => !isWeights(of));
  const pinned = await Promise.all(models.map(async (name) => [name, await services.models.pin(name, files)] as const));
  const cues = new Set(variants.flatMap(({ cue }) => (cue === undefined ? [] : [cue])));
  return {
    ...(models.length === 0 ? {} : { models: Object.fromEntries(pinned) }),
    ...(cues.size === 0 ? {} : { cues: Object.fromEntries([...cues].map((cue) => [cue, textOf(cue, services)])) }),
  };
}

/** A problem may name no weakness that is known, which leaves the shorter cue. */
function textOf(cue: Cue, { catalogueDigest }: StageServices): Json {
  if (cue === 'reminder') return CUE_TEXTS.reminder;
  const shorter = { ...CUE_TEXTS, catalogue: catalogueDigest };
  return cue === 'cwe-cue' ? shorter : { ...shorter, prompt: promptsDigest().trace };
}
