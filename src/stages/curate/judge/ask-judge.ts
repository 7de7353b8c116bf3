import { readJsonLines } from '../../../base/files/json-lines.js';
import { usedSoFar } from '../../asking.js';
import type { StageContextOf } from '../../services.js';
import type { Trace } from '../../trace/records.js';
import type { CurateParams } from '../params.js';
import { type JudgedTrace, judgedTraceSchema } from '../records.js';
import type { Sifted } from '../sift.js';
import { judgeTraces, verdictOf } from './judge.js';
import type { JudgeParams } from './params.js';

/** What the judge said, read in step with what the filters say. */
export interface Judged extends AsyncDisposable {
  /** The trace with the judge's verdict, where it was asked. Wants every trace, in their order. */
  addTo(one: Sifted): Promise<Sifted>;
  readonly used: {
    /** Traces that it was asked about. */
    readonly judged: number;
    /** Of these without a usable judgement; they are kept. */
    readonly unjudged: number;
    readonly tokens: { readonly input: number; readonly output: number };
    readonly cost_usd: number;
  };
}

type Context = Pick<StageContextOf<CurateParams, never>, 'services' | 'output' | 'signal' | 'emit'>;

/** Asks the judge about what the filters let through, and writes down what it says (`judged.jsonl`): memory does not grow with the traces. */
export async function askJudge(
  { services, output, signal, emit }: Context,
  params: JudgeParams,
  sifted: () => AsyncIterable<readonly Sifted[]>,
): Promise<Judged> {
  const file = 'judged.jsonl';
  await using model = await services.models.open(params.by, (log) => emit({ type: 'log', ...log }));
  const rows = await output.rows(file);
  const counts = { judged: 0, unjudged: 0 };
  const tokens = await judgeTraces({
    model,
    params,
    catalogue: services.catalogue,
    traces: () => letThrough(sifted()),
    signal,
    onSettled: (done, used) => emit({ type: 'progress', done, unit: 'judgements', ...usedSoFar(used) }),
    keep: async (judged) => {
      counts.judged += 1;
      if (judged.judgement === null) counts.unjudged += 1;
      await rows.write(judged);
    },
  });
  await rows.close();
  const judgements = readJsonLines(output.path(file), judgedTraceSchema);
  return {
    used: { ...counts, tokens: tokens.total, cost_usd: tokens.cost_usd },
    async addTo(one) {
      if (one.finding !== undefined) return one;
      const verdict = verdictOf(theOneAbout(one.trace, (await judgements.next()).value), params.drops);
      return {
        ...one,
        verdicts: new Map([...one.verdicts, ['judge', verdict]]),
        finding: typeof verdict === 'object' ? verdict : undefined,
      };
    },
    async [Symbol.asyncDispose]() {
      await judgements.return(undefined);
    },
  };
}

async function* letThrough(groups: AsyncIterable<readonly Sifted[]>): AsyncGenerator<Trace> {
  for await (const group of groups) for (const { trace, finding } of group) if (finding === undefined) yield trace;
}

function theOneAbout({ id }: Trace, judged: JudgedTrace | undefined): JudgedTrace['judgement'] {
  if (judged?.trace_id !== id) throw new Error(`the judgement of ${id} is not at its place`);
  return judged.judgement;
}
