/** What no other question would fare better with: errors that end the asking. `who` is a model's name in quotes, and where it is asked if it matters. */
import { SecpiError } from '../../base/errors.js';
import type { Amount, Budget } from './budget.js';
import type { AttemptFailure } from './wire/attempt-failure.js';

/** So many refusals before the first answer mean that the server refuses us, not the questions. */
const REFUSALS_BEFORE_GIVING_UP = 8;

const FATAL_HINTS: Readonly<Record<NonNullable<AttemptFailure['fatal']>, string>> = {
  unauthorised: 'Set the environment variable that api_key_env names to a valid key.',
  forbidden: 'Check that the key may use this model.',
  'no-such-model': 'Check the spelling of the model, and that the endpoint includes /v1.',
  'no-credit': 'All answers so far are kept: top up the account and run the same command again.',
};

/** The error that a failure stands for, unless it is the question's own. */
export function fatalError(
  who: string,
  { fatal, message }: Pick<AttemptFailure, 'fatal' | 'message'>,
  hasAnswered: boolean,
): SecpiError | undefined {
  if (fatal === undefined || (fatal === 'forbidden' && hasAnswered)) return undefined;
  return new SecpiError(`models/${fatal}`, `Model ${who} cannot be asked: ${message}`, { hint: FATAL_HINTS[fatal] });
}

/** After `refusals` without an answer, if these are enough. */
export function refusedAll(who: string, refusals: number, message: string): SecpiError | undefined {
  if (refusals < REFUSALS_BEFORE_GIVING_UP) return undefined;
  return new SecpiError(
    'models/refused',
    `Model ${who} has refused all of the first ${refusals} questions; the last time: ${message}`,
    { hint: 'Check that the model takes this max_tokens and this format.' },
  );
}

export function unreachable(who: string, message: string): SecpiError {
  return new SecpiError('models/unreachable', `Model ${who} has not answered a single time: ${message}`, {
    hint: 'Check that its endpoint is right (it should include /v1) and that the server is up.',
  });
}

export function outOfBudget(name: string, budget: Budget, next: Amount): SecpiError {
  return new SecpiError(
    'models/budget-spent',
    `The budget of model "${name}" (${budget.limitText}) is spent: ${budget.usedText} went into its answers, and the next one may take ${budget.textOf(next)}`,
    {
      hint: `Every answer so far is kept: raise models.${name}.budget and run the same command again; only what is missing is bought.`,
    },
  );
}
