import { SecpiError } from '../../../base/errors.js';
import type { AttemptEnd } from './pace.js';

interface GivenUp {
  /** The model's in the recipe. */
  readonly name: string;
  /** ` at http://host/v1`, or nothing. */
  readonly where: string;
  /** How long nothing was answered. */
  readonly seconds: number;
  readonly last: Exclude<AttemptEnd, { kind: 'answered' | 'void' }>;
}

/** What to throw where nobody has ever said a word. */
export function nobodyThere({ name, where, seconds, last }: GivenUp): SecpiError {
  return new SecpiError(
    'models/unreachable',
    `Nobody answers${where} for model "${name}", tried for ${seconds} s: ${last.message}`,
    { hint: 'Check that its endpoint is right (it should include /v1) and that the server is up.' },
  );
}

/** What to throw where somebody is who answers nothing. */
export function silent({ name, where, seconds, last }: GivenUp): SecpiError {
  const asked = last.kind === 'overloaded' ? last.retryAfterSeconds : undefined;
  const wish = asked === undefined ? '' : ` (it asks for ${Number(asked.toPrecision(2))} s of patience)`;
  return new SecpiError(
    'models/saturated',
    `Model "${name}"${where} has answered nothing for ${seconds} s; the last thing that came: ${last.message}${wish}`,
    {
      hint: `All answers so far are kept: run the same command again once the server is well. A lower concurrency.start or requests_per_minute of models.${name} may help, and a longer saturation_seconds is more patient.`,
    },
  );
}
