import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { writeTextAtomic } from '../../base/files/atomic-file.js';
import { type BytePlace, readBytes } from '../../base/files/read-bytes.js';
import { type ChatAnswer, type ChatRequest, samplingSchema } from '../chat.js';
import { type AnswerKey, answerOf, answerRow, answerRowSchema, keyText, scanRows } from './answer-row.js';
import { requestHash, wellFormed } from './request-hash.js';

/** A row of a recording: an answer together with its question, so that a person can read it. */
const recordingRowSchema = answerRowSchema.extend({
  identity: z.string().min(1),
  chat: z.strictObject({
    messages: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
    sampling: samplingSchema,
    format: z.enum(['text', 'json']),
    sample: z.number().int().min(0),
  }),
});

/** A question and the answer that is to be replayed. `attempt` > 0: given after so many unusable ones. */
export interface RecordedAnswer {
  readonly request: ChatRequest;
  readonly attempt?: number;
  readonly answer: Omit<ChatAnswer, 'request'>;
}

/** A file of answers, open for reading. */
export interface Recording extends AsyncDisposable {
  readonly path: string;
  readonly size: number;
  /** Whose answers these are, by the first row; `undefined` when there is none. */
  readonly identity: string | undefined;
  has(key: AnswerKey): boolean;
  /** Throws `models/bad-recording` when the row is not what its hash says. */
  get(key: AnswerKey): Promise<ChatAnswer | undefined>;
}

/** Opens a recording. Throws `models/no-recording` and `models/bad-recording` (with file and line). */
export async function openRecording(path: string): Promise<Recording> {
  const index = new Map<string, BytePlace & { readonly line: number }>();
  try {
    for await (const { key, place, line } of scanRows(path)) {
      if (key === undefined) throw badRow(path, line, 'it is not a recorded answer (schema 1)');
      if (index.has(key)) throw badRow(path, line, 'the same request and attempt stands further up');
      index.set(key, { ...place, line });
    }
  } catch (error) {
    if (error instanceof SecpiError) throw error;
    throw new SecpiError('models/no-recording', `Cannot read the recording ${path}: ${messageOf(error)}`, {
      exitCode: 2,
      cause: error,
    });
  }
  const handle: FileHandle = await open(path, 'r');
  const [first] = index.values();
  let identity: string | undefined;
  try {
    identity = first && parseRow(path, first.line, await readBytes(handle, first)).identity;
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    path,
    size: index.size,
    identity,
    has: (key) => index.has(keyText(key)),
    async get(key) {
      const place = index.get(keyText(key));
      if (place === undefined) return undefined;
      const row = parseRow(path, place.line, await readBytes(handle, place));
      if (requestHash(row.identity, row.chat) !== key.request) {
        const why =
          'its question is not the one that its "request" stands for; it was changed by hand, or by another version';
        throw badRow(path, place.line, why);
      }
      return answerOf(row);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * Writes a recording whole: equal answers give equal bytes, whatever order they came in.
 * Throws `models/duplicate-recording` when two answers have the same address.
 */
export async function writeRecording(
  { identity, answers }: { readonly identity: string; readonly answers: Iterable<RecordedAnswer> },
  path: string,
): Promise<void> {
  const rows = new Map<string, string>();
  for (const { request, attempt = 0, answer } of answers) {
    const key = { request: requestHash(identity, request), attempt };
    const { temperature, top_p, max_tokens, seed } = request.sampling;
    const row: z.input<typeof recordingRowSchema> = {
      ...answerRow(key, { request: key.request, ...answer }),
      identity,
      chat: {
        messages: request.messages.map(wellFormed),
        sampling: { temperature, top_p, max_tokens, ...(seed === undefined ? {} : { seed }) },
        format: request.format,
        sample: request.sample,
      },
    };
    const text = keyText(key);
    if (rows.has(text)) {
      throw new SecpiError(
        'models/duplicate-recording',
        `Two answers to the same request (${text}) cannot both be recorded`,
      );
    }
    rows.set(text, JSON.stringify(row));
  }
  const lines = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => `${row}\n`);
  await writeTextAtomic(path, lines.join(''));
}

function parseRow(path: string, line: number, text: string): z.infer<typeof recordingRowSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRow(path, line, messageOf(error));
  }
  const parsed = recordingRowSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRow(path, line, `${issue?.path.join('.')}: ${issue?.message}`);
}

function badRow(path: string, line: number, why: string): SecpiError {
  return new SecpiError('models/bad-recording', `Line ${line} of the recording ${path} cannot be used: ${why}`, {
    exitCode: 2,
    location: { file: path, line, column: 1 },
  });
}
