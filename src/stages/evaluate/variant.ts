import * as z from 'zod';
import { CUES, type Cue } from '../../security/prompts/cues.js';

/** Weights that this recipe makes: what the stage reads. */
export const WEIGHTS = ['base', 'tuned'] as const;
export type Weights = (typeof WEIGHTS)[number];

/** Who is asked, and what is said beside the question. */
export interface Variant {
  readonly name: string;
  /** `base`, `tuned`, or a name under the recipe's `models`. */
  readonly of: string;
  /** What is said about security beside the question; nothing by default. */
  readonly cue: Cue | undefined;
}

/** A name, which says all that there is to a variant: `base`, `tuned+reminder`, `gpt+cwe-cue`. It also names files. */
export const variantNameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}(?:\\+(?:${CUES.join('|')}))?$`),
    `must be base, tuned or a name under \`models\`, and may end in ${CUES.map((cue) => `+${cue}`).join(', ')}`,
  );

/** What a name says. */
export function variantNamed(name: string): Variant {
  const [of = '', cue] = name.split('+');
  return { name, of, cue: CUES.find((known) => known === cue) };
}

/** Whether it is weights of this recipe that are asked. */
export function isWeights(of: string): of is Weights {
  return (WEIGHTS as readonly string[]).includes(of);
}

/** Those of the same model behind each other, so that no two servers run where one would do. */
export function inTurn(variants: readonly Variant[]): readonly Variant[] {
  const models = [...new Set(variants.map(({ of }) => of))];
  return models.flatMap((model) => variants.filter(({ of }) => of === model));
}
