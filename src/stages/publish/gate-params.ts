import * as z from 'zod';

/** A number is what the measured difference has to be. */
const gainSchema = z.union([
  z.number(),
  z.strictObject({
    /** Tuned minus base must be at least this. */
    at_least: z.number(),
    /** Not only what was measured, but the lower end of its 95 % interval, paired by problem. */
    certainly: z.boolean().default(false),
  }),
]);
const dropSchema = z.union([
  z.number(),
  z.strictObject({
    /** Base minus tuned must be at most this. */
    at_most: z.number(),
    /** Not only what was measured, but the upper end of its 95 % interval, paired by problem. */
    certainly: z.boolean().default(false),
  }),
]);

/** Figures that decide whether `publish` may run, by `suite.figure`, e.g. `mini.func_sec_at_1`. */
export const gatesSchema = z.strictObject({
  /** Tuned minus base must be at least this. */
  min_gain: z.record(z.string(), gainSchema).default({}),
  /** Base minus tuned must be at most this. */
  max_drop: z.record(z.string(), dropSchema).default({}),
});
export type Gates = z.infer<typeof gatesSchema>;

/** What a gate asks for. */
export interface Gate {
  readonly kind: keyof Gates;
  /** `suite.figure`. */
  readonly figure: string;
  readonly limit: number;
  /** Not only what was measured must keep to it, but the end of its interval that is worse. */
  readonly certainly: boolean;
}

export function gatesIn({ min_gain, max_drop }: Gates): readonly Gate[] {
  const gain = Object.entries(min_gain).map(([figure, gate]) => ({
    kind: 'min_gain' as const,
    figure,
    ...(typeof gate === 'number' ? plain(gate) : { limit: gate.at_least, certainly: gate.certainly }),
  }));
  const drop = Object.entries(max_drop).map(([figure, gate]) => ({
    kind: 'max_drop' as const,
    figure,
    ...(typeof gate === 'number' ? plain(gate) : { limit: gate.at_most, certainly: gate.certainly }),
  }));
  return [...gain, ...drop];
}

function plain(limit: number): Pick<Gate, 'limit' | 'certainly'> {
  return { limit, certainly: false };
}
