import type { TrainSpec } from './spec.js';

/** Settings that take a package beside the pinned ones, and CUDA. */
type Demanding = Pick<TrainSpec, 'method' | 'optimizer' | 'loss' | 'attention'>;

const PACKAGES_OF: readonly (readonly [keyof Demanding, string, string])[] = [
  ['method', 'qlora', 'bitsandbytes'],
  ['optimizer', 'adamw_8bit', 'bitsandbytes'],
  ['loss', 'liger', 'liger-kernel'],
  ['attention', 'flash_attention_2', 'flash-attn'],
];

/** Those of them that Axolotl's environment has. */
const AXOLOTL_HAS = ['bitsandbytes', 'liger-kernel'];

/** What a setting needs that not every target has. */
export interface Demand {
  readonly field: keyof Demanding;
  readonly value: string;
  readonly name: string;
  /** Whether the packages there have it; an image may. */
  readonly isThere: 'yes' | 'no' | 'perhaps';
}

/** Of these settings those that take more than the pinned packages, whoever trains. */
export function demandsOf(
  settings: Partial<Record<keyof Demanding, string>>,
  trainer: string,
  isContainer: boolean,
): readonly Demand[] {
  return PACKAGES_OF.flatMap(([field, value, name]): readonly Demand[] => {
    if (settings[field] !== value) return [];
    const has = trainer === 'axolotl' && AXOLOTL_HAS.includes(name);
    return [{ field, value, name, isThere: isContainer ? 'perhaps' : has ? 'yes' : 'no' }];
  });
}
