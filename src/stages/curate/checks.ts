import type { Catalogue } from '../../security/catalogue.js';
import { discusses } from '../../security/depth.js';
import { promptLeak } from '../../security/leak.js';
import { traceMessages } from '../../security/trace-prompt.js';
import { fencedBlocks } from '../../suites/answers/fenced-blocks.js';
import type { Trace } from '../trace/records.js';
import type { CurateReason } from './records.js';

export interface CheckLimits {
  readonly profile: 'minimal' | 'shape';
  readonly min_reasoning_characters: number;
  readonly min_answer_characters: number;
  readonly max_characters: number;
}

/** Why a trace is dropped, with the evidence. */
export interface Finding {
  readonly code: CurateReason;
  readonly detail: string;
}

type Check = (trace: Trace, limits: CheckLimits, catalogue: Catalogue) => Finding | undefined;

/** One check per way a trace can go wrong by itself; duplicates and contamination need the other traces and come after. */
const checks: Readonly<Record<CheckLimits['profile'], readonly Check[]>> = {
  minimal: [finish, thinkShape, answerLength, codePresent, leak, depth, length],
  shape: [finish, thinkShape, answerLength, codePresent, length],
};

/** The first check that fires, or `undefined` for a trace that may be trained on. */
export function findingOf(trace: Trace, limits: CheckLimits, catalogue: Catalogue): Finding | undefined {
  for (const check of checks[limits.profile]) {
    const finding = check(trace, limits, catalogue);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

function finish({ finish: how }: Trace): Finding | undefined {
  return how === 'stop' ? undefined : { code: `finish_${how}`, detail: `the teacher's answer ended with "${how}"` };
}

function thinkShape({ reasoning, answer }: Trace, limits: CheckLimits): Finding | undefined {
  if (reasoning === null || reasoning.trim() === '') return { code: 'think_missing', detail: 'there is no reasoning' };
  if (/<\/?think>/.test(reasoning) || /<\/?think>/.test(answer)) {
    return { code: 'think_tags', detail: 'a think tag stands inside the reasoning or the answer' };
  }
  const characters = reasoning.trim().length;
  if (characters >= limits.min_reasoning_characters) return undefined;
  return {
    code: 'think_short',
    detail: `the reasoning has ${characters} characters of at least ${limits.min_reasoning_characters}`,
  };
}

function answerLength({ answer }: Trace, limits: CheckLimits): Finding | undefined {
  const characters = answer.trim().length;
  if (characters >= limits.min_answer_characters) return undefined;
  return {
    code: 'answer_short',
    detail: `the answer has ${characters} characters of at least ${limits.min_answer_characters}`,
  };
}

function codePresent({ answer }: Trace): Finding | undefined {
  return fencedBlocks(answer).length === 0
    ? { code: 'no_code', detail: 'the answer holds no fenced code block' }
    : undefined;
}

function leak({ reasoning, answer, task }: Trace, _limits: CheckLimits, catalogue: Catalogue): Finding | undefined {
  const { guidance } = traceMessages(task, task.cwes, catalogue);
  const found = promptLeak(`${reasoning ?? ''}\n\n${answer}`, guidance, task.prompt);
  return found === undefined ? undefined : { code: 'prompt_leak', detail: `${found.kind}: ${found.text}` };
}

function depth({ reasoning, task }: Trace, _limits: CheckLimits, catalogue: Catalogue): Finding | undefined {
  const found = discusses(reasoning ?? '', task.cwes, catalogue);
  if (found.cwes.length === 0)
    return { code: 'no_weakness_discussed', detail: `none of ${task.cwes.join(', ')} is discussed` };
  return found.enough
    ? undefined
    : { code: 'no_mitigation_named', detail: `no mitigation of ${task.cwes.join(', ')} is named` };
}

function length({ reasoning, answer }: Trace, limits: CheckLimits): Finding | undefined {
  const characters = (reasoning ?? '').length + answer.length;
  return characters <= limits.max_characters
    ? undefined
    : { code: 'too_long', detail: `${characters} characters of at most ${limits.max_characters}` };
}
