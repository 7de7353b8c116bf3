import { createReadStream } from 'node:fs';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { writeTextAtomic } from '../../base/files/atomic-file.js';
import { type ChatAnswer, type ChatRequest, samplingSchema } from '../chat.js';
import { type AnswerKey, answerOf, answerRow, answerRowSchema, keyText } from './answer-row.js';
import { listedLines } from './format/answer-frame.js';
import { AnswerIndex, type AnswerPlace } from './format/answer-index.js';
import { AnswerReader } from './format/answer-reader.js';
import { isPacked, type Stretch, scanAnswers } from './format/scan-answers.js';
import { requestHash, wellFormed } from './request-hash.js';

/**
 * A row of a recording: an answer, whose it is, and its question, so that a person can read it. The store keeps no questions, so what
 * comes from there has none; it is found by its hash all the same.
 */
const recordingRowSchema = answerRowSchema.extend({
  identity: z.string().min(1).optional(),
  chat: z
    .strictObject({
      messages: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
      sampling: samplingSchema,
      format: z.enum(['text', 'json']),
      sample: z.number().int().min(0),
    })
    .optional(),
});
export type RecordingRow = z.output<typeof recordingRowSchema>;

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
  /** Whose answers these are, by the first row; `undefined` when that does not say. */
  readonly identity: string | undefined;
  has(key: AnswerKey): boolean;
  /** Throws `models/bad-recording` when the row is not what its hash says. */
  get(key: AnswerKey): Promise<ChatAnswer | undefined>;
  /** All rows in their order, checked like that. */
  rows(): AsyncIterable<RecordingRow>;
}

/**
 * Opens a recording: JSON Lines, or what `secpi store export` packs into a `.jsonl.gz`. Throws `models/no-recording` and
 * `models/bad-recording` (with file and line).
 */
export async function openRecording(path: string): Promise<Recording> {
  const index = new AnswerIndex();
  const reader = new AnswerReader();
  const file = reader.addFile(path);
  const rowAt = async (key: AnswerKey): Promise<RecordingRow | undefined> => {
    const place = index.find(key);
    if (place === undefined) return undefined;
    const row = checkedRow(key, await reader.line(place));
    if (typeof row === 'string') throw badRow(path, await lineAt(path, place.frame.start, place.offset), row);
    return row;
  };
  let identity: string | undefined;
  try {
    let first: AnswerPlace | undefined;
    for await (const stretch of scanAnswers(path, 0, 'read')) {
      if (stretch.kind !== 'frame') throw await noAnswers(path, stretch);
      const frame = { file, ...stretch };
      const number = index.addFrame(frame);
      for (const { key, offset, length } of listedLines(stretch.entries)) {
        if (!index.add(key, number, offset, length)) {
          const line = await lineAt(path, stretch.start, offset);
          throw badRow(path, line, 'the same request and attempt stands further up');
        }
        first ??= { frame, offset, length };
      }
    }
    const row = first && parsedRow(await reader.line(first));
    if (typeof row === 'string') throw badRow(path, await lineAt(path, first?.frame.start ?? 0, 0), row);
    identity = row?.identity;
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    if (error instanceof SecpiError) throw error;
    throw new SecpiError('models/no-recording', `Cannot read the recording ${path}: ${messageOf(error)}`, {
      exitCode: 2,
      cause: error,
    });
  }
  return {
    path,
    size: index.size,
    identity,
    has: (key) => index.has(key),
    async get(key) {
      const row = await rowAt(key);
      return row && answerOf(row);
    },
    async *rows() {
      for await (const stretch of scanAnswers(path, 0, 'read')) {
        if (stretch.kind !== 'frame') throw await noAnswers(path, stretch);
        for (const { key } of listedLines(stretch.entries)) {
          const row = await rowAt(key);
          if (row !== undefined) yield row;
        }
      }
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
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

/** The row, or why it is none. */
function parsedRow(line: string | undefined): RecordingRow | string {
  if (line === undefined) return 'it is damaged';
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return messageOf(error);
  }
  const parsed = recordingRowSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

/** The row, or why it cannot be used as the answer to this. */
function checkedRow(key: AnswerKey, line: string | undefined): RecordingRow | string {
  const row = parsedRow(line);
  if (typeof row === 'string') return row;
  const { request, attempt, identity, chat } = row;
  const isAsked = chat === undefined || (identity !== undefined && requestHash(identity, chat) === request);
  if (isAsked && request === key.request && attempt === key.attempt) return row;
  return 'its question is not the one that its "request" stands for; it was changed by hand, or by another version';
}

function badRow(path: string, line: number, why: string): SecpiError {
  return new SecpiError('models/bad-recording', `Line ${line} of the recording ${path} cannot be used: ${why}`, {
    exitCode: 2,
    location: { file: path, line, column: 1 },
  });
}

async function noAnswers(path: string, { start }: Stretch): Promise<SecpiError> {
  if (!isPacked(path)) return badRow(path, await lineAt(path, start, 0), 'it is not a recorded answer (schema 1)');
  const why = start === 0 ? 'it was not packed by secpi' : `it is damaged behind byte ${start}`;
  return new SecpiError('models/bad-recording', `The recording ${path} cannot be used: ${why}`, {
    hint: 'Unpack it with `gunzip`, and name the file that comes out.',
    exitCode: 2,
  });
}

/** Which line of the file, unpacked, stands there. Counts from 1. */
async function lineAt(path: string, start: number, offset: number): Promise<number> {
  let line = 1;
  if (isPacked(path)) {
    for await (const stretch of scanAnswers(path)) {
      if (stretch.kind !== 'frame') continue;
      for (const listed of listedLines(stretch.entries)) {
        if (stretch.start === start && listed.offset === offset) return line;
        line += 1;
      }
    }
    return line;
  }
  const end = start + offset;
  if (end === 0) return line;
  for await (const chunk of createReadStream(path, { end: end - 1 }) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) line += 1;
  }
  return line;
}
