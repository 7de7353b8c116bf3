import * as z from 'zod';
import type { Sha256 } from '../base/hash.js';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Sampling settings; part of the recipe wherever a stage asks a model. */
export const samplingSchema = z.strictObject({
  temperature: z.number().min(0).max(2).default(0),
  top_p: z.number().gt(0).max(1).default(1),
  /** Reasoning and answer together, in tokens. */
  max_tokens: z.number().int().positive().default(2048),
  seed: z.number().int().optional(),
});
export type Sampling = z.infer<typeof samplingSchema>;

/** One question to one model: exactly what its answer depends on. Its hash addresses the answer, now and in a recording. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  /** `json` asks the server for a JSON object. */
  readonly format: 'text' | 'json';
  /** 0-based; sample 1 of the same question is another answer. */
  readonly sample: number;
}

/** A complete answer. `reasoning` holds the think text wherever the server put it (`reasoning_content` or inline `<think>`). */
export interface ChatAnswer {
  readonly request: Sha256;
  readonly reasoning: string | null;
  readonly content: string;
  readonly finish: 'stop' | 'length' | 'content_filter' | 'other';
  readonly tokens: { readonly input: number; readonly output: number };
}

/** Tokens and USD of all answers that a question took, unusable ones too, whenever and by whomever they were bought. */
export interface Used {
  readonly input: number;
  readonly output: number;
  readonly cost_usd: number;
}

/** Why there is no answer. Every one of these is a reason code in some stage's counts. */
export type AskFailure =
  | 'transport'
  | 'rate_limit'
  | 'server'
  | 'refused'
  | 'unparsable'
  | 'truncated'
  | 'not_recorded';

export type AskOutcome<Parsed> =
  | {
      readonly ok: true;
      readonly answer: ChatAnswer;
      readonly parsed: Parsed;
      readonly from: 'recording' | 'store' | 'server';
      readonly used: Used;
    }
  | {
      readonly ok: false;
      readonly reason: AskFailure;
      readonly message: string;
      readonly answer?: ChatAnswer;
      readonly used: Used;
    };
