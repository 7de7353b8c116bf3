import { traceMessages } from '../../../security/prompts/trace-prompt.js';
import { depthOf } from '../../../security/texts/depth.js';
import type { Guidance } from '../../../security/texts/leak.js';
import { promptLeak } from '../../../security/texts/leak.js';
import type { Trace } from '../../trace/records.js';
import type { Filter, FilterContext } from './filter.js';
import { repeatedPassage } from './repeated-passage.js';

/** Characters at the beginning of an answer in which one refuses. */
const refusedWithin = 400;
const REFUSAL =
  /\b(?:i(?:'|’)?m (?:really |very )?sorry\b|i am sorry\b|sorry, (?:but )?i\b|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|will not|am unable to|am not able to|must decline to|have to decline) (?:help|assist|provide|write|give|create|do|fulfil|fulfill|comply|support|continue|share|answer|with)\b|i(?:'|’)m (?:unable|not able) to (?:help|assist|provide|write|give|create|do|fulfil|fulfill|comply)\b|as an ai\b|as a language model\b|against my (?:guidelines|policy|policies)\b)/i;

/** The answer does what was asked for. A refusal is one that stands at its beginning; none is far down, beside the code. */
export const refusal: Filter = ({ trace }) => {
  const beginning = trace.answer.trimStart().slice(0, refusedWithin).split('```', 1)[0] ?? '';
  const said = REFUSAL.exec(beginning)?.[0];
  return said === undefined ? 'pass' : { code: 'refused', detail: `the answer says "${said}"` };
};

/** Nothing gives away that the teacher was told what to look for. */
export const leak: Filter = ({ trace: { reasoning, answer, task } }, context) => {
  const found = promptLeak(`${reasoning ?? ''}\n\n${answer}`, guidanceOf(task, context), task.prompt);
  return found === undefined ? 'pass' : { code: 'prompt_leak', detail: `${found.kind}: ${found.text}` };
};

/** Guidance that was rendered already: tasks of one language with the same weaknesses share it. */
const rendered = new WeakMap<FilterContext, Map<string, Guidance>>();
const mostRendered = 1000;

function guidanceOf(task: Trace['task'], context: FilterContext): Guidance {
  const known = rendered.get(context) ?? new Map<string, Guidance>();
  rendered.set(context, known);
  const key = [task.language, ...task.cwes].join(' ');
  const before = known.get(key);
  if (before !== undefined) return before;
  const { guidance } = traceMessages({ language: task.language, prompt: '' }, task.cwes, context.catalogue);
  if (known.size >= mostRendered) known.clear();
  known.set(key, guidance);
  return guidance;
}

/** The reasoning works out what could go wrong and decides on something against it. */
export const depth: Filter = ({ trace: { reasoning, task } }, { catalogue }) => {
  const { threat, sound } = depthOf(reasoning ?? '', task.cwes, catalogue);
  if (sound) return 'pass';
  return threat === null
    ? { code: 'no_weakness_discussed', detail: `how ${task.cwes.join(', ')} could come about is not thought through` }
    : { code: 'no_mitigation_named', detail: `nothing is decided on against ${task.cwes.join(', ')}` };
};

/** Neither reasoning nor answer goes in circles. */
export const repetition: Filter = ({ trace: { reasoning, answer } }) => {
  const passage = repeatedPassage(reasoning ?? '') ?? repeatedPassage(answer);
  return passage === undefined
    ? 'pass'
    : { code: 'repetition', detail: `"${passage.text}" stands there ${passage.times} times or more` };
};
