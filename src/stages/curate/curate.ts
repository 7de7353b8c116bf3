import { sha256Json } from '../../base/hash.js';
import { ContaminationIndex } from '../../datasets/contamination.js';
import { taskSchema } from '../../datasets/task.js';
import { defineStage } from '../../engine/stage.js';
import { fencedBlocks } from '../../suites/answers/fenced-blocks.js';
import { count } from '../asking.js';
import { suiteReferences } from '../decontamination.js';
import { relevantTaskSchema } from '../filter/records.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { type Trace, traceSchema } from '../trace/records.js';
import { Caps } from './caps.js';
import { codeOf } from './code-of.js';
import type { Candidate, FilterContext, Finding, Verdict } from './filters/filter.js';
import { firstFinding, judgeTrace, type Verdicts } from './filters/judge-trace.js';
import { FunnelCount } from './funnel.js';
import { type CurateParams, curateParams, filtersOn } from './params.js';
import type { DroppedTrace, Sample } from './records.js';
import { usualLengths } from './usual-lengths.js';

type Input = 'tasks' | 'relevant' | 'traces';

/** Turns traces into training samples: the task without any security hint, followed by reasoning and answer. */
export const curate: SecpiStage<CurateParams, Input> = defineStage<CurateParams, Input, StageServices>({
  name: 'curate',
  version: 3,
  params: curateParams,
  inputs: ['tasks', 'relevant', 'traces'],
  seeded: false,

  async pins({ params, services }) {
    return {
      catalogue: services.catalogueDigest,
      suites: await suitePins(params.decontaminate ?? [], services),
    };
  },

  async run(context) {
    const { params, inputs, output, services, signal, emit } = context;
    const on = filtersOn(params);
    const contamination = new ContaminationIndex(await suiteReferences(params.decontaminate ?? [], services));
    const filterContext: FilterContext = {
      params,
      catalogue: services.catalogue,
      usualLength: params.length_band === undefined ? new Map() : await usualLengths(tracesOf(context)),
    };
    const funnel = new FunnelCount(on);
    const reasons: Record<string, number> = {};
    const samples = await output.rows('samples.jsonl');
    const dropped = await output.rows('dropped.jsonl');
    const counts = { traces: 0, samples: 0, dropped: 0 };
    const keep = async (sample: Sample) => {
      counts.samples += 1;
      funnel.add('samples', sample);
      await samples.write(sample);
    };
    const drop = async (trace: Trace, finding: Finding) => {
      counts.dropped += 1;
      count(reasons, finding.code);
      await dropped.write(droppedOf(trace, finding));
    };

    for await (const task of inputs.tasks.rows('tasks.jsonl', taskSchema)) funnel.add('tasks', task);
    for await (const task of inputs.relevant.rows('kept.jsonl', relevantTaskSchema)) funnel.add('relevant', task);

    const seen = new Set<string>();
    const caps = params.cap === undefined ? undefined : new Caps(params.cap);
    /** One bit for each trace: whether it got as far as the caps. */
    const candidates: boolean[] = [];
    for await (const group of byTask(tracesOf(context))) {
      const judged = group.map((candidate) => {
        const sample = sampleOf(candidate.trace);
        const verdicts = judgeTrace(candidate, filterContext, {
          duplicate: duplicate(sample, seen),
          contamination: contaminated(sample, contamination),
        });
        funnel.add('traces', candidate.trace.task);
        funnel.judged(verdicts);
        const finding = firstFinding(verdicts, on);
        if (finding === undefined) seen.add(sample.id);
        return { trace: candidate.trace, sample, verdicts, finding };
      });
      const best = bestOf(
        judged.filter(({ finding }) => finding === undefined),
        params.best_of,
      );
      for (const one of judged) {
        signal.throwIfAborted();
        counts.traces += 1;
        const finding = one.finding ?? (best.has(one) ? undefined : notAmongBest(params));
        if (caps !== undefined) candidates.push(finding === undefined);
        if (finding !== undefined) await drop(one.trace, finding);
        else if (caps === undefined) await keep(one.sample);
        else caps.note(one.sample);
        emit({ type: 'progress', done: counts.traces, unit: 'traces' });
      }
    }
    if (caps !== undefined) {
      let [at, noted] = [0, 0];
      for await (const trace of tracesOf(context)) {
        signal.throwIfAborted();
        if (candidates[at++] !== true) continue;
        const cap = caps.overCap(noted++);
        if (cap === undefined) await keep(sampleOf(trace));
        else await drop(trace, { code: 'over_cap', detail: `curate.cap.${cap} is reached by others` });
      }
    }
    await output.json('funnel.json', funnel.funnel);
    return { counts, reasons };
  },
});

type Context = StageContextOf<CurateParams, Input>;

function tracesOf({ inputs }: Context): AsyncIterable<Trace> {
  return inputs.traces.rows('traces.jsonl', traceSchema);
}

/** The traces in groups of one task each, which stand beside each other: all that is in memory at a time. */
async function* byTask(traces: AsyncIterable<Trace>): AsyncIterable<readonly Candidate[]> {
  let group: Trace[] = [];
  for await (const trace of traces) {
    if (group[0] !== undefined && group[0].task.id !== trace.task.id) {
      yield candidatesOf(group);
      group = [];
    }
    group.push(trace);
  }
  if (group.length > 0) yield candidatesOf(group);
}

function candidatesOf(traces: readonly Trace[]): readonly Candidate[] {
  const read = traces.map((trace) => {
    const blocks = fencedBlocks(trace.answer);
    return { trace, blocks, code: codeOf(blocks, trace.task.language) };
  });
  const siblings = read.map(({ code }) => code.length).sort((one, other) => one - other);
  return read.map((one) => ({ ...one, siblings }));
}

function sampleOf({ task, reasoning, answer }: Trace): Sample {
  const prompt = task.prompt;
  const completion = `<think>\n${(reasoning ?? '').trim()}\n</think>\n\n${answer.trim()}`;
  const id = `sample-${sha256Json({ prompt, completion }).slice(0, 16)}`;
  const { language, cwes, source, licence } = task;
  return { schema: 1, id, prompt, completion, language, cwes, task_id: task.id, source, licence };
}

function duplicate(sample: Sample, seen: ReadonlySet<string>): Verdict {
  return seen.has(sample.id) ? { code: 'duplicate', detail: `same as ${sample.id}` } : 'pass';
}

function contaminated(sample: Sample, index: ContaminationIndex): Verdict {
  const hit = index.find(sample.prompt) ?? index.findCopy(sample.completion);
  if (hit === undefined) return 'pass';
  const what = hit.kind === 'copy' ? `shares "${hit.words}" with` : `has the meaning ("${hit.words}") of`;
  return { code: 'contaminated', detail: `${what} ${hit.reference}` };
}

interface Judged {
  readonly sample: Sample;
  readonly verdicts: Verdicts;
}

/** What best-of-N counts: how much of the code is known to be right. */
const known = ['function', 'actuation'] as const;

function bestOf<T extends Judged>(judged: readonly T[], most = Infinity): ReadonlySet<T> {
  const merit = ({ verdicts }: Judged) => known.filter((name) => verdicts.get(name) === 'pass').length;
  const best = [...judged].sort(
    (one, other) => merit(other) - merit(one) || one.sample.completion.length - other.sample.completion.length,
  );
  return new Set(best.slice(0, most));
}

function notAmongBest({ best_of }: CurateParams): Finding {
  return { code: 'not_among_best', detail: `other samples of the task are better or shorter, and ${best_of} stay` };
}

function droppedOf(trace: Trace, { code, detail }: Finding): DroppedTrace {
  const { id, task } = trace;
  return { schema: 1, trace_id: id, task_id: task.id, language: task.language, cwes: task.cwes, code, detail };
}
