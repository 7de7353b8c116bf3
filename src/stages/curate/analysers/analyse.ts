import { readJsonLines } from '../../../base/files/json-lines.js';
import { fencedBlocks } from '../../../suites/answers/fenced-blocks.js';
import type { StageContextOf } from '../../services.js';
import type { Trace } from '../../trace/records.js';
import { codeOf } from '../code-of.js';
import type { Verdict } from '../filters/filter.js';
import type { CurateParams } from '../params.js';
import { type AnalysedTrace, analysedTraceSchema } from '../records.js';
import { type Look, lookAt } from './look.js';
import { type NamedAnalyser, openAnalysers } from './open.js';
import type { AnalysersParams } from './params.js';
import { type AnalysedCode, rowOf, verdictOf, whyNot } from './verdict.js';

/** What the analysers said, read in step with the traces. */
export interface Verdicts extends AsyncDisposable {
  /** Wants every trace, in their order. */
  of(trace: Trace): Promise<Verdict>;
}

export interface Analysed {
  /** From the first trace on. */
  read(): Verdicts;
  /** By the name of each analyser that looked. */
  readonly versions: Readonly<Record<string, string>>;
}

type Context = Pick<StageContextOf<CurateParams, never>, 'services' | 'output' | 'signal' | 'emit'>;

/** Traces that one start of an analyser is for. Bandit takes 0.3 seconds to start, and 2 ms for a function. */
const BATCH = 200;

/**
 * Has the analysers look at the code of every trace, and writes down what they say (`analysed.jsonl`): the traces are read more than once, and
 * memory does not grow with them.
 *
 * @throws SecpiError `curate/no-analyser`, `curate/bad-analyser-rules`, `curate/analyser-failed`.
 */
export async function analyse(
  { services, output, signal, emit }: Context,
  params: AnalysersParams,
  traces: AsyncIterable<Trace>,
): Promise<Analysed> {
  const file = 'analysed.jsonl';
  const analysers = await openAnalysers(params, services);
  const rows = await output.rows(file);
  const troubles = new Troubles(analysers);
  let done = 0;
  for await (const batch of batchesOf(traces)) {
    for (const row of await analysedRows(batch, analysers, troubles, { programs: services.programs, signal }))
      await rows.write(row);
    done += batch.length;
    emit({ type: 'progress', done, unit: 'traces analysed' });
  }
  await rows.close();
  for (const message of troubles.messages()) emit({ type: 'log', level: 'warn', message });
  const versions = analysers.flatMap(({ analyser, version }) =>
    version === undefined ? [] : [[analyser.program.name, version]],
  );
  return {
    versions: Object.fromEntries(versions),
    read() {
      const reader = readJsonLines(output.path(file), analysedTraceSchema);
      return {
        of: async (trace) => verdictOf(theOneAbout(trace, (await reader.next()).value).looks),
        async [Symbol.asyncDispose]() {
          await reader.return(undefined);
        },
      };
    },
  };
}

type CodedTrace = Pick<Trace, 'id'> & { readonly taskId: string; readonly code: AnalysedCode };

async function* batchesOf(traces: AsyncIterable<Trace>): AsyncGenerator<readonly CodedTrace[]> {
  let batch: CodedTrace[] = [];
  for await (const { id, task, answer } of traces) {
    const { language, cwes } = task;
    batch.push({ id, taskId: task.id, code: { language, cwes, text: codeOf(fencedBlocks(answer), language) } });
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function analysedRows(
  batch: readonly CodedTrace[],
  analysers: readonly NamedAnalyser[],
  troubles: Troubles,
  looking: Parameters<typeof lookAt>[2],
): Promise<readonly AnalysedTrace[]> {
  const rows = batch.map(({ id, taskId }) => ({
    schema: 1 as const,
    trace_id: id,
    task_id: taskId,
    looks: [] as AnalysedTrace['looks'],
  }));
  for (const named of analysers) {
    const looks = await looksOf(
      named,
      batch.map(({ code }) => code),
      looking,
    );
    for (const [index, { id, code }] of batch.entries()) {
      const look = looks[index];
      if (look === undefined) continue;
      troubles.note(named, id, look);
      rows[index]?.looks.push(rowOf(named, code, look));
    }
  }
  return rows;
}

/** What one analyser says of codes, in their order; also of those that it is not shown. */
export async function looksOf(
  named: NamedAnalyser,
  codes: readonly AnalysedCode[],
  looking: Parameters<typeof lookAt>[2],
): Promise<readonly Look[]> {
  const reasons = codes.map((code) => whyNot(named, code));
  const looked = await lookAt(
    named.analyser,
    codes.filter((_, index) => reasons[index] === undefined),
    looking,
  );
  let next = 0;
  return reasons.map((reason) => (reason === undefined ? (looked[next++] as Look) : { found: [], unread: reason }));
}

/** What a person has to hear of at the end, once: code that was not looked at although it could have been. */
class Troubles {
  readonly #analysers: readonly NamedAnalyser[];
  readonly #failed = new Map<string, { traces: number; readonly first: string }>();

  constructor(analysers: readonly NamedAnalyser[]) {
    this.#analysers = analysers;
  }

  note({ analyser }: NamedAnalyser, trace: string, { failed, unread }: Look): void {
    if (failed === undefined) return;
    const { name } = analyser.program;
    const known = this.#failed.get(name) ?? { traces: 0, first: `${trace}: ${unread}` };
    known.traces += 1;
    this.#failed.set(name, known);
  }

  messages(): readonly string[] {
    return this.#analysers.flatMap(({ analyser: { program }, version }) => {
      if (version === undefined) return [`${program.name} is not on this machine: it has looked at no code`];
      const failed = this.#failed.get(program.name);
      return failed === undefined
        ? []
        : [
            `${program.name} failed over the code of ${failed.traces} traces, which count as not looked at by it (${failed.first})`,
          ];
    });
  }
}

function theOneAbout({ id }: Trace, analysed: AnalysedTrace | undefined): AnalysedTrace {
  if (analysed?.trace_id !== id) throw new Error(`what the analysers say of ${id} is not at its place`);
  return analysed;
}
