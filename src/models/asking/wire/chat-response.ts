/**
 * What servers really send. Only what we use is checked, and strictly: an answer without a `finish_reason` is one that was
 * cut off, whatever the status line said.
 */
import * as z from 'zod';
import { wellFormed } from '../../../base/well-formed.js';
import type { ChatAnswer } from '../../chat.js';
import { splitThink } from '../think.js';

const optionalText = z.string().nullish();
const tokenCount = z.number().int().min(0);
/** Only some servers say more than how many; what cannot be read of that is as if it had not been said. */
const extraCount = tokenCount.optional().catch(undefined);
const usageSchema = z.object({
  prompt_tokens: tokenCount,
  completion_tokens: tokenCount,
  total_tokens: extraCount,
  prompt_tokens_details: z.object({ cached_tokens: extraCount }).optional().catch(undefined),
  completion_tokens_details: z.object({ reasoning_tokens: extraCount }).optional().catch(undefined),
  /** DeepSeek's name for the cached ones. */
  prompt_cache_hit_tokens: extraCount,
});
/** Servers put the think text under one of two names. */
const textSchema = z.object({ content: optionalText, reasoning_content: optionalText, reasoning: optionalText });

export const completionSchema = z.object({
  choices: z.array(z.object({ message: textSchema, finish_reason: z.string() })).min(1),
  usage: usageSchema.nullish(),
});

export const chunkSchema = z.object({
  choices: z.array(z.object({ delta: textSchema.nullish(), finish_reason: z.string().nullish() })).nullish(),
  usage: usageSchema.nullish(),
});

/** Tokens among those of an answer that may have another price. */
export interface TokenDetails {
  /** Of the input: read from the server's cache. */
  readonly cached_input: number;
  /** Of the output: thought, where the server tells these apart. */
  readonly reasoning: number;
}

/** An answer that does not know yet which question it belongs to. */
export type Reply = Omit<ChatAnswer, 'request'> & { readonly details: TokenDetails };

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
    finish: finishOf(finish),
    // An answer that was cut off may end inside a character.
    ...wellFormed(split),
    ...(usage
      ? countedBy(usage)
      : {
          tokens: {
            input: estimateTokens(promptCharacters),
            output: estimateTokens(content.length + reasoning.length),
          },
          details: { cached_input: 0, reasoning: 0 },
        }),
  };
}

/** The server's own figures. */
function countedBy(usage: z.infer<typeof usageSchema>): Pick<Reply, 'tokens' | 'details'> {
  const { prompt_tokens: input, completion_tokens: said, total_tokens: total } = usage;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? 0;
  const thought = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  // Most count thoughts as part of the output; xAI puts them beside it, which only the sum tells.
  const output = thought > 0 && total === input + said + thought ? said + thought : said;
  return {
    tokens: { input, output },
    details: { cached_input: Math.min(cached, input), reasoning: Math.min(thought, output) },
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
