import type { Card } from '../../../compute/cards.js';
import { isSharded, type TrainingSetup } from './memory/training-setup.js';

/** Hours, and between which they probably are. */
export interface PlannedHours {
  readonly expected: number;
  readonly least: number;
  readonly most: number;
}

interface Share {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Which share of a card's matrix-product rate is reached, with what checkpointing computes again counted in. On one H200 our trainer reached 37 to
 * 45 % with a 7B and a 32B model at 8k and 16k tokens, 42 to 47 % with QLoRA (`bench/gpu/h200.jsonl`): unpacking 4-bit weights takes little beside
 * so many tokens, and more beside few. Published 32B fine-tunings on several H100s reach 19 % (s1, full, 16 cards), 30 % (NeMo AutoModel, LoRA,
 * 8 cards) and for larger dense models 39 % (NeMo AutoModel, full, 64 cards). That offloaded weights travel is an assumption.
 */
const SHARE_OF_PEAK = {
  usual: { expected: 0.4, low: 0.2, high: 0.5 },
  qlora: { expected: 0.4, low: 0.15, high: 0.5 },
  offload: { expected: 0.15, low: 0.05, high: 0.3 },
} as const satisfies Readonly<Record<string, Share>>;

/** The share that is taken for granted. */
export function shareOfPeak(setup: TrainingSetup): Share {
  if (setup.offload && isSharded(setup)) return SHARE_OF_PEAK.offload;
  return setup.method === 'qlora' ? SHARE_OF_PEAK.qlora : SHARE_OF_PEAK.usual;
}

/** How long so many floating-point operations take on all GPUs together. */
export function hoursOf(flops: number, card: Card, setup: TrainingSetup): PlannedHours {
  const { expected, low, high } = shareOfPeak(setup);
  const at = (share: number) => flops / (setup.ranks * card.bf16Tflops * 1e12 * share) / 3600;
  return { expected: at(expected), least: at(high), most: at(low) };
}
