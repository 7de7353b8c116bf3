import { open } from 'node:fs/promises';
import * as z from 'zod';
import { type BytePlace, withoutZeros } from '../../base/files/read-bytes.js';
import type { Sha256 } from '../../base/hash.js';
import { wellFormed } from '../../base/well-formed.js';
import type { ChatAnswer } from '../chat.js';

/** Which answer: to what request, and the how-manieth attempt at it (always 0 today; earlier versions asked the same once more after an unusable answer). */
export interface AnswerKey {
  readonly request: Sha256;
  readonly attempt: number;
}

/** How an answer is kept, in the store and in recordings. `request` and `attempt` come first, so that an index is quick to make. */
export const answerRowSchema = z.object({
  schema: z.literal(1),
  request: z.string().regex(/^[0-9a-f]{64}$/),
  attempt: z.number().int().min(0),
  answer: z.object({
    reasoning: z.string().nullable(),
    content: z.string(),
    finish: z.enum(['stop', 'length', 'content_filter', 'other']),
    tokens: z.object({ input: z.number().int().min(0), output: z.number().int().min(0) }),
  }),
  /** What it cost when it was bought. */
  cost_usd: z.number().min(0).optional(),
});
export type AnswerRow = z.infer<typeof answerRowSchema>;

export function answerRow(key: AnswerKey, answer: ChatAnswer, costUsd?: number): AnswerRow {
  const { reasoning, content, finish, tokens } = answer;
  return {
    schema: 1,
    request: key.request,
    attempt: key.attempt,
    answer: { reasoning, content, finish, tokens },
    ...(costUsd === undefined ? {} : { cost_usd: costUsd }),
  };
}

export function answerOf(row: AnswerRow): ChatAnswer {
  // Recordings come from elsewhere, and stores may be older than the rule that answers are mended before they are kept.
  return { request: row.request as Sha256, ...wellFormed(row.answer) };
}

export function keyText({ request, attempt }: AnswerKey): string {
  return `${request}/${attempt}`;
}

/** What `scanRows` sees of a line. */
export interface ScannedRow {
  readonly key: AnswerKey | undefined;
  readonly place: BytePlace;
  readonly complete: boolean;
  /** Counts from 1 at the place where the scan began. */
  readonly line: number;
}

const HEAD_BYTES = 256;
const HEAD = /^\s*\{\s*"schema"\s*:\s*1\s*,\s*"request"\s*:\s*"([0-9a-f]{64})"\s*,\s*"attempt"\s*:\s*(\d{1,6})\s*,/;

/**
 * Finds the rows of a file from byte `from` on, reading only their beginnings, in constant memory. Yields each line that is not
 * empty; `key` is `undefined` when it is not an answer, `complete` is false for a last line without a line feed: in the store it is
 * torn, or still being written by someone else.
 */
export async function* scanRows(path: string, from = 0): AsyncGenerator<ScannedRow> {
  const handle = await open(path, 'r');
  try {
    let start = from;
    let head = Buffer.alloc(0);
    let length = 0;
    let line = 0;
    const chunks = handle.createReadStream({ start: from, highWaterMark: 256 * 1024, autoClose: false });
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      let at = 0;
      for (let feed = chunk.indexOf(0x0a); feed !== -1; feed = chunk.indexOf(0x0a, at)) {
        const part = chunk.subarray(at, feed);
        length += part.length;
        const beginning = Buffer.concat([head, part.subarray(0, HEAD_BYTES)]);
        line += 1;
        if (!isBlank(beginning)) yield { key: keyIn(beginning), place: { start, length }, complete: true, line };
        start += length + 1;
        at = feed + 1;
        length = 0;
        head = Buffer.alloc(0);
      }
      const rest = chunk.subarray(at);
      length += rest.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, rest.subarray(0, HEAD_BYTES - head.length)]);
    }
    if (!isBlank(head)) yield { key: keyIn(head), place: { start, length }, complete: false, line: line + 1 };
  } finally {
    await handle.close();
  }
}

const BEGINNING = '{"schema":1,"request":"';

/** Whether the last line of a file of older versions breaks off, as a kill leaves it; else it was written otherwise. */
export function isTornRow(line: Buffer): boolean {
  const beginning = withoutZeros(line).toString('latin1', 0, BEGINNING.length);
  // A whole row with anything behind it had a line feed there.
  return BEGINNING.startsWith(beginning) && !isJson(withoutZeros(line.subarray(0, -1)).toString());
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isBlank(beginning: Buffer): boolean {
  return beginning.toString('latin1').trim() === '';
}

/** Which answer a line holds, by its beginning; `undefined` when it is none. */
export function keyIn(beginning: Buffer): AnswerKey | undefined {
  const [, request, attempt] = HEAD.exec(beginning.toString('latin1', 0, HEAD_BYTES)) ?? [];
  return request === undefined ? undefined : { request: request as Sha256, attempt: Number(attempt) };
}
