/**
 * What servers really send. Only what we use is checked, and strictly: an answer without a `finish_reason` is one that was
 * cut off, whatever the status line said.
 */
import * as z from 'zod';
import { wellFormed } from '../../base/well-formed.js';
import type { ChatAnswer } from '../chat.js';
import { splitThink } from './think.js';

const optionalText = z.string().nullish();
const usageSchema = z.looseObject({
  prompt_tokens: z.number().int().min(0),
  completion_tokens: z.number().int().min(0),
});
/** Servers put the think text under one of two names. */
const textSchema = z.looseObject({ content: optionalText, reasoning_content: optionalText, reasoning: optionalText });

export const completionSchema = z.looseObject({
  choices: z.array(z.looseObject({ message: textSchema, finish_reason: z.string() })).min(1),
  usage: usageSchema.nullish(),
});

export const chunkSchema = z.looseObject({
  choices: z.array(z.looseObject({ delta: textSchema.nullish(), finish_reason: z.string().nullish() })).nullish(),
  usage: usageSchema.nullish(),
});

/** An answer that does not know yet which question it belongs to. */
export type Reply = Omit<ChatAnswer, 'request'>;

interface ReplyParts {
  readonly content: string;
  readonly reasoning: string;
  readonly finish: string;
  readonly usage: z.infer<typeof usageSchema> | null | undefined;
  /** Characters of the question, for servers that count no tokens. */
  readonly promptCharacters: number;
}

/** Tokens of a text when nobody counted them: 4 characters each, rounded up. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** Puts the pieces of a response together; inline think text moves to `reasoning` unless the server has split it off. */
export function toReply({ content, reasoning, finish, usage, promptCharacters }: ReplyParts): Reply {
  // Some servers strip the edges only when they do not stream (transformers 5.18).
  const split = reasoning === '' ? splitThink(content) : { reasoning: reasoning.trim(), content: content.trim() };
  return {
    // An answer that was cut off may end inside a character.
    ...wellFormed(split),
    finish: finishOf(finish),
    tokens: usage
      ? { input: usage.prompt_tokens, output: usage.completion_tokens }
      : { input: estimateTokens(promptCharacters), output: estimateTokens(content.length + reasoning.length) },
  };
}

function finishOf(reason: string): ChatAnswer['finish'] {
  switch (reason) {
    case 'stop':
    case 'length':
    case 'content_filter':
      return reason;
    case 'eos_token':
    case 'stop_sequence':
      return 'stop';
    default:
      return 'other';
  }
}
