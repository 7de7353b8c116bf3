/** The lines of a batch: one question each on the way there, one answer or failure each on the way back. */
import * as z from 'zod';
import type { Sha256 } from '../../../base/hash.js';
import type { Redactor } from '../../../base/redact.js';
import { type AttemptFailure, bodyFailure, shorten } from '../wire/attempt-failure.js';
import { type Asked, replyOf } from '../wire/openai-client.js';

/** What a batch asks, whatever the base address is. */
export const BATCH_URL = '/v1/chat/completions';

/** A line that is longer is no answer of a chat. */
const LONGEST_LINE = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** A question as it stands in the file, with its line feed. It goes by the hash of its request, so that its answer can be kept by whoever reads it. */
export function questionLine(request: Sha256, body: object): string {
  return `${JSON.stringify({ custom_id: request, method: 'POST', url: BATCH_URL, body })}\n`;
}

/** The lines of a file, however its bytes are cut into pieces; `undefined` for one that is too long to be looked at. */
export async function* linesOf(
  bytes: AsyncIterable<Uint8Array>,
  longest = LONGEST_LINE,
): AsyncGenerator<string | undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const grow = (part: Uint8Array): void => {
    length += part.length;
    if (length > longest) parts = [];
    else parts.push(part);
  };
  const take = (): string | undefined => {
    const text = length > longest ? undefined : Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    return text;
  };
  for await (const piece of bytes) {
    let from = 0;
    for (let at = piece.indexOf(LINE_FEED); at !== -1; at = piece.indexOf(LINE_FEED, from)) {
      grow(piece.subarray(from, at));
      yield take();
      from = at + 1;
    }
    grow(piece.subarray(from));
  }
  if (length > 0) yield take();
}

const lineSchema = z.looseObject({
  custom_id: z.string(),
  response: z.looseObject({ status_code: z.number().int(), body: z.unknown().optional() }).nullish(),
  /** OpenAI's has a code and a message. vLLM's is a sentence, or the whole of what it would have answered. */
  error: z.unknown().optional(),
});
const errorSchema = z.looseObject({
  message: z.string().nullish(),
  code: z.union([z.string(), z.number()]).nullish(),
});

/** Which question a line is about; `undefined` when it is no line of a batch. */
export function readLine(text: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // Not JSON.
  }
}

/** What a line says. */
export function outcomeOf(
  { response, error }: z.infer<typeof lineSchema>,
  promptCharacters: number,
  redact: Redactor,
): Asked {
  if (response?.status_code === 200) return replyOf(response.body, promptCharacters, redact);
  if (response) return refusal(response.status_code, errorIn(response.body ?? error), redact);
  const { code, message } = errorIn(error);
  const said = [code, message].filter(Boolean).join(': ') || 'a line without an answer';
  return { ok: false, reason: 'server', retryable: true, message: shorten(`the batch says: ${said}`, redact) };
}

/** What is said, however deep it is wrapped. */
function errorIn(value: unknown): z.infer<typeof errorSchema> {
  const inner = typeof value === 'object' && value !== null && 'error' in value ? value.error : value;
  return typeof inner === 'string' ? { message: inner } : (errorSchema.safeParse(inner).data ?? {});
}

function refusal(status: number, { message, code }: z.infer<typeof errorSchema>, redact: Redactor): AttemptFailure {
  const text = message ?? 'without a message';
  // What is neither an answer nor an error is one of the server's.
  return bodyFailure({ message: text, code, status: status >= 400 ? status : 500 }, text, redact);
}
