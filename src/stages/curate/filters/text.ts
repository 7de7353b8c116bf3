import type { Catalogue } from '../../../security/catalogue.js';
import { traceMessages } from '../../../security/prompts/trace-prompt.js';
import { namedMitigation } from '../../../security/texts/depth.js';
import { mostGivenAway } from '../../../security/texts/giveaway/giveaway.js';
import { type Guidance, promptLeak } from '../../../security/texts/leak.js';
import type { Trace } from '../../trace/records.js';
import type { AnswerFilter, FilterContext, Verdict } from './filter.js';
import { repeatedPassage } from './repeated-passage.js';

/** Characters at the beginning of an answer in which one refuses. */
const refusedWithin = 400;
const REFUSAL =
  /\b(?:i(?:'|’)?m (?:really |very )?sorry\b|i am sorry\b|sorry, (?:but )?i\b|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|will not|am unable to|am not able to|must decline to|have to decline) (?:help|assist|provide|write|give|create|do|fulfil|fulfill|comply|support|continue|share|answer|with)\b|i(?:'|’)m (?:unable|not able) to (?:help|assist|provide|write|give|create|do|fulfil|fulfill|comply)\b|as an ai\b|as a language model\b|against my (?:guidelines|policy|policies)\b)/i;

/** The answer does what was asked for. A refusal is one that stands at its beginning; none is far down, beside the code. */
export const refusal: AnswerFilter = ({ trace }) => {
  const beginning = trace.answer.trimStart().slice(0, refusedWithin).split('```', 1)[0] ?? '';
  const said = REFUSAL.exec(beginning)?.[0];
  return said === undefined ? 'pass' : { code: 'refused', detail: `the answer says "${said}"` };
};

/** What is read of a trace for leaks and depth: labelled texts have no more. */
interface Written {
  readonly trace: Pick<Trace, 'reasoning' | 'answer'> & { readonly task: Told };
}
type Told = Pick<Trace['task'], 'prompt' | 'language' | 'cwes'>;
type Knowledge = Pick<FilterContext, 'catalogue'>;

/** Nothing gives away that the teacher was told what to look for. */
export const leak = ({ trace: { reasoning, answer, task } }: Written, { catalogue }: Knowledge): Verdict => {
  const found = promptLeak(`${reasoning ?? ''}\n\n${answer}`, guidanceOf(task, catalogue), task.prompt);
  return found === undefined ? 'pass' : { code: 'prompt_leak', detail: `${found.kind}: ${found.text}` };
};

/** No passage sounds as if somebody had pointed the way, in whatever words (`giveaway_score`). */
export const giveaway = (
  { trace: { reasoning, answer } }: Written,
  { params }: { readonly params: Pick<FilterContext['params'], 'giveaway_score'> },
): Verdict => {
  const found = mostGivenAway(`${reasoning ?? ''}\n\n${answer}`);
  if (found === undefined || found.score < params.giveaway_score) return 'pass';
  return { code: 'given_away', detail: `scored ${found.score.toFixed(2)}: ${found.passage}` };
};

/** Guidance that was rendered already: tasks of one language with the same weaknesses share it. */
const rendered = new WeakMap<Catalogue, Map<string, Guidance>>();
const mostRendered = 1000;

function guidanceOf({ language, cwes }: Told, catalogue: Catalogue): Guidance {
  const known = rendered.get(catalogue) ?? new Map<string, Guidance>();
  rendered.set(catalogue, known);
  const key = [language, ...cwes].join(' ');
  const before = known.get(key);
  if (before !== undefined) return before;
  const { guidance } = traceMessages({ language, prompt: '' }, cwes, catalogue);
  if (known.size >= mostRendered) known.clear();
  known.set(key, guidance);
  return guidance;
}

/** The reasoning names something that prevents one of the weaknesses. */
export const depth = ({ trace: { reasoning, task } }: Written, { catalogue }: Knowledge): Verdict =>
  namedMitigation(reasoning ?? '', task.cwes, catalogue) === undefined
    ? { code: 'no_mitigation_named', detail: `nothing that prevents ${task.cwes.join(', ')} is named` }
    : 'pass';

/** Neither reasoning nor answer goes in circles. */
export const repetition: AnswerFilter = ({ trace: { reasoning, answer } }) => {
  const passage = repeatedPassage(reasoning ?? '') ?? repeatedPassage(answer);
  return passage === undefined
    ? 'pass'
    : { code: 'repetition', detail: `"${passage.text}" stands there ${passage.times} times or more` };
};
