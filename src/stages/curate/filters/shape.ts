import type { AnswerFilter, Filter } from './filter.js';

/** The teacher came to an end by itself. */
export const finish: Filter = ({ trace }) =>
  trace.finish === 'stop'
    ? 'pass'
    : { code: `finish_${trace.finish}`, detail: `the teacher's answer ended with "${trace.finish}"` };

/** There is reasoning, and it stands in one piece. */
export const think: AnswerFilter = ({ trace: { reasoning, answer } }, { params }) => {
  if (reasoning === null || reasoning.trim() === '') return { code: 'think_missing', detail: 'there is no reasoning' };
  if (/<\/?think>/.test(reasoning) || /<\/?think>/.test(answer)) {
    return { code: 'think_tags', detail: 'a think tag stands inside the reasoning or the answer' };
  }
  const characters = reasoning.trim().length;
  if (characters >= params.min_reasoning_characters) return 'pass';
  return {
    code: 'think_short',
    detail: `the reasoning has ${characters} characters of at least ${params.min_reasoning_characters}`,
  };
};

/** There is an answer. */
export const answer: AnswerFilter = ({ trace }, { params }) => {
  const characters = trace.answer.trim().length;
  if (characters >= params.min_answer_characters) return 'pass';
  return {
    code: 'answer_short',
    detail: `the answer has ${characters} characters of at least ${params.min_answer_characters}`,
  };
};

/** The answer holds code. */
export const code: Filter = ({ blocks }) =>
  blocks.every(({ text }) => text.trim() === '')
    ? { code: 'no_code', detail: 'the answer holds no fenced code block, or an empty one' }
    : 'pass';

/** Neither too long to be trained on nor far from what is usual in its source. */
export const length: AnswerFilter = ({ trace }, { params, usualLength }) => {
  const reasoning = (trace.reasoning ?? '').length;
  const characters = reasoning + trace.answer.length;
  if (characters > params.max_characters)
    return { code: 'too_long', detail: `${characters} characters of at most ${params.max_characters}` };
  const usual = usualLength.get(trace.task.source);
  if (params.length_band === undefined || usual === undefined || usual === 0) return 'pass';
  const times = reasoning / usual;
  const [least, most] = params.length_band;
  return times >= least && times <= most
    ? 'pass'
    : { code: 'length_unusual', detail: `${times.toFixed(2)} times as long as is usual in ${trace.task.source}` };
};
