import * as z from 'zod';
import { operational } from '../../../engine/operational.js';
import { inputPath } from '../../../recipe/field.js';

const onMissing = z.enum(['stop', 'unverified']).default('stop');

export const analysersParams = z.strictObject({
  /** [Bandit](https://bandit.readthedocs.io), for Python. */
  bandit: z
    .strictObject({
      /** Where it is not on this machine: `stop` says so before anything is asked, `unverified` goes on and counts all code as not looked at by it. */
      on_missing: onMissing,
    })
    .optional(),
  /** [Semgrep](https://semgrep.dev), with rules of your own: it is kept from the network, so it gets none from there. */
  semgrep: z
    .strictObject({
      /** As of `bandit`. */
      on_missing: onMissing,
      /** A YAML file of rules. Its content enters the fingerprint, its place does not. */
      config: operational(inputPath()),
    })
    .optional(),
});
export type AnalysersParams = z.infer<typeof analysersParams>;
