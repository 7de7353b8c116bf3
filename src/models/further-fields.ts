/**
 * Fields of a request that secpi knows nothing about: `reasoning_effort`, `top_k`, `chat_template_kwargs` and whatever a server takes next.
 */
import * as z from 'zod';
import { canonicalJson } from '../base/hash.js';
import type { Json } from '../base/json.js';
import type { ChatRequest } from './chat.js';

/** What secpi fills in itself, and where it is set in a recipe. */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  model: '`model`',
  messages: 'the stage, which makes the question',
  temperature: '`sampling.temperature`',
  top_p: '`sampling.top_p`',
  max_tokens: '`sampling.max_tokens`',
  seed: '`sampling.seed`',
  n: '`samples`: each answer is a request of its own',
  response_format: 'the stage, which knows what form it needs',
  stream: 'secpi: long answers are streamed, short ones are not',
  stream_options: 'secpi: tokens are always counted',
};

/** Servers of OpenAI refuse `max_tokens` for models that think, and want this in its place. */
const ROOM = 'max_completion_tokens';

const fieldName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be the name of a field');

export const furtherFieldsSchema = z.record(fieldName, z.unknown()).superRefine((fields, context) => {
  for (const name of Object.keys(fields)) {
    const own = OWN_FIELDS[name];
    if (own !== undefined)
      context.addIssue({ code: 'custom', path: [name], message: `is set by ${own}`, input: fields });
  }
  const room = fields[ROOM];
  if (room !== undefined && !(Number.isSafeInteger(room) && Number(room) > 0)) {
    context.addIssue({ code: 'custom', path: [ROOM], message: 'must be a whole number above 0', input: fields });
  }
});
export type FurtherFields = Readonly<z.infer<typeof furtherFieldsSchema>>;

/** The name of a model together with what is asked of it every time. Without such fields it is the name alone. */
export function withFields(name: string, fields: FurtherFields | undefined): string {
  return fields === undefined || Object.keys(fields).length === 0
    ? name
    : `${name} with ${canonicalJson(fields as Json)}`;
}

/** The question with as much room as `max_completion_tokens` gives, where that stands among the fields. */
export function withRoom(request: ChatRequest, fields: FurtherFields | undefined): ChatRequest {
  const room = fields?.[ROOM];
  return room === undefined ? request : { ...request, sampling: { ...request.sampling, max_tokens: Number(room) } };
}

/** The fields as they are sent, with the room that this question has now: an answer that was cut off is asked for with more. */
export function sentFields(fields: FurtherFields | undefined, maxTokens: number): FurtherFields {
  return fields?.[ROOM] === undefined ? { ...fields, max_tokens: maxTokens } : { ...fields, [ROOM]: maxTokens };
}
