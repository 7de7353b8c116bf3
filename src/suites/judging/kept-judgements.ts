import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import * as z from 'zod';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { ifThere } from '../../base/files/if-there.js';
import { createJsonLines, type JsonLinesWriter } from '../../base/files/json-lines.js';
import { readLines } from '../../base/files/read-lines.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { caseResultSchema, type Judgement, type Problem, type Submission, verdictSchema } from '../suite.js';

const rowSchema = z.object({
  key: z.string(),
  functional: verdictSchema,
  security: verdictSchema,
  cases: z.array(caseResultSchema),
  timedOut: z.boolean(),
  alone: z.boolean(),
  /** How long judging took. Kept here, where no hash is taken: in samples it would make the same run give other bytes. */
  seconds: z.number().optional(),
});
type Row = z.infer<typeof rowSchema>;

/** A judgement, and whether it was made a second time with nothing else running. */
export interface KeptJudgement extends Judgement {
  readonly alone: boolean;
}

/**
 * What was judged before, of one suite on one bench: the same code is not run again, be it a duplicate, a reference or the answer of an
 * earlier run. A folder of JSON Lines files; each process appends to one of its own and reads all that there were when it began. A row
 * that is damaged counts as missing.
 */
export class KeptJudgements implements AsyncDisposable {
  readonly #folder: string;
  readonly #known: Map<string, KeptJudgement>;
  #writer: Promise<JsonLinesWriter<Row>> | undefined;

  private constructor(folder: string, known: Map<string, KeptJudgement>) {
    this.#folder = folder;
    this.#known = known;
  }

  /** `folder` is that of one suite on one bench; it is made with the first judgement. */
  static async open(folder: string): Promise<KeptJudgements> {
    const known = new Map<string, KeptJudgement>();
    for (const name of ((await ifThere(readdir(folder))) ?? []).sort()) {
      if (!name.endsWith('.jsonl')) continue;
      for await (const line of readLines(join(folder, name))) {
        const row = line.complete ? rowIn(line.text) : undefined;
        if (row === undefined) continue;
        const { key, seconds: _took, ...judgement } = row;
        if (!known.has(key)) known.set(key, judgement);
      }
    }
    return new KeptJudgements(folder, known);
  }

  get(key: Sha256): KeptJudgement | undefined {
    return this.#known.get(key);
  }

  /** Keeps a judgement, which took so many seconds; it is on the disk when this resolves. */
  async put(key: Sha256, judgement: KeptJudgement, seconds: number): Promise<void> {
    this.#known.set(key, judgement);
    this.#writer ??= makeDirectory(this.#folder).then(() =>
      createJsonLines<Row>(join(this.#folder, `${ulid()}.jsonl`)),
    );
    const { functional, security, cases, timedOut, alone } = judgement;
    await (await this.#writer).append({ key, functional, security, cases: [...cases], timedOut, alone, seconds });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#writer !== undefined) await this.#writer.then((writer) => writer.close()).catch(() => undefined);
  }
}

/** What a submission to a problem is called there. */
export function judgementKey(problem: Problem, submission: Submission): Sha256 {
  return sha256Json([problem.id, submission]);
}

function rowIn(text: string): Row | undefined {
  try {
    return rowSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
