import { pinSources } from '../../datasets/sources/source.js';
import { taskSchema } from '../../datasets/task.js';
import { defineStage } from '../../engine/stage.js';
import { promptsDigest } from '../../security/prompts/prompt-file.js';
import { giveawayModelFile } from '../../security/texts/giveaway/giveaway-model.js';
import { count } from '../asking.js';
import { SuiteTexts } from '../decontamination.js';
import { estimateQuestions, requestsOf } from '../estimate.js';
import { relevantTaskSchema } from '../filter/records.js';
import { occupiedModel } from '../occupied.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { TRACES, type Trace, traceSchema } from '../trace/records.js';
import { analyse } from './analysers/analyse.js';
import { analyserPins, analysersAhead, namesAnalysers, openAnalysers } from './analysers/open.js';
import { BenchmarkGate, refuseSamples } from './benchmark-gate.js';
import { Caps } from './caps.js';
import type { Finding } from './filters/filter.js';
import { FunnelCount } from './funnel.js';
import { askJudge } from './judge/ask-judge.js';
import { judgeRequest } from './judge/judge.js';
import { addMix } from './mix/mix.js';
import { mixIsThere } from './mix/mix-is-there.js';
import { OwnTasks } from './mix/own-tasks.js';
import { type CurateParams, type CurateStageParams, curateStageParams, filtersOn, objectorsThere } from './params.js';
import { type DroppedTrace, inSuite, SAMPLES, type Sample } from './records.js';
import { type Sifted, sampleOf, sifted } from './sift.js';
import { grammarsVersion } from './syntax/grammars.js';
import { usualLengths } from './usual-lengths.js';

type Input = 'tasks' | 'relevant' | 'traces';

/** Turns traces into training samples: the task without any security hint, followed by reasoning and answer. */
export const curate: SecpiStage<CurateStageParams, Input> = defineStage<CurateStageParams, Input, StageServices>({
  name: 'curate',
  version: 8,
  params: curateStageParams,
  inputs: ['tasks', 'relevant', 'traces'],
  reads: { tasks: ['tasks.jsonl'], relevant: ['kept.jsonl'], traces: [TRACES] },
  seeded: ({ mix }) => mix !== undefined,

  occupies: ({ judge }) => (judge === undefined ? [] : [occupiedModel(judge.by)]),

  async pins({ params, services, files, signal }) {
    const { judge, mix, analysers } = params;
    return {
      catalogue: services.catalogueDigest,
      grammars: grammarsVersion(),
      giveaway: await files.file(giveawayModelFile),
      suites: await suitePins(suitesOf(params), services),
      ...(namesAnalysers(analysers) ? { analysers: await analyserPins(analysers, services, files) } : {}),
      ...(judge === undefined
        ? {}
        : { judge: await services.models.pin(judge.by, files), prompt: promptsDigest().judge }),
      ...(mix === undefined ? {} : { mix: await pinSources(mix.sources, { hub: services.hub, files, signal }) }),
    };
  },

  async estimate({ params: { judge, analysers }, services, inputs }) {
    const looked = namesAnalysers(analysers) ? await analysersAhead(analysers, services) : undefined;
    if (judge === undefined) return looked === undefined ? undefined : { requests: 0, ...looked };
    if (inputs.traces === undefined) return { ...looked };
    await using model = await services.models.open(judge.by);
    const traces = inputs.traces.rows(TRACES, traceSchema);
    const estimate = await estimateQuestions(
      model,
      requestsOf(traces, (trace) => judgeRequest(trace, services.catalogue, judge)),
    );
    const most = 'at most: traces that a filter drops are not judged';
    return { ...estimate, ...looked, note: estimate.note === undefined ? most : `${most}; ${estimate.note}` };
  },

  async ready({ params, services, signal }) {
    if (namesAnalysers(params.analysers)) await openAnalysers(params.analysers, services);
    await Promise.all(suitesOf(params).map((name) => services.suite(name)));
    if (params.mix !== undefined) await mixIsThere(params.mix, services.hub, signal);
  },

  async run(context) {
    const { params, inputs, output, services, signal, emit } = context;
    const on = filtersOn(params);
    const analysed = namesAnalysers(params.analysers)
      ? await analyse(context, params.analysers, tracesOf(context))
      : undefined;
    const sieve = {
      context: {
        params,
        catalogue: services.catalogue,
        usualLength:
          params.length_band === undefined ? new Map<string, number>() : await usualLengths(tracesOf(context)),
      },
      contamination: await SuiteTexts.open(params.decontaminate ?? [], services),
      analysed,
      on,
    };
    const gate = new BenchmarkGate(await SuiteTexts.open(params.evaluated, services));
    await using judged =
      params.judge === undefined
        ? undefined
        : await askJudge(context, params.judge, () => sifted(tracesOf(context), sieve));
    const funnel = new FunnelCount(objectorsThere(params), on);
    const reasons: Record<string, number> = {};
    const samples = await output.rows(SAMPLES);
    const dropped = await output.rows('dropped.jsonl');
    const counts = { traces: 0, samples: 0, dropped: 0 };
    const mixed = params.mix && { params: params.mix, tasks: new OwnTasks(params.mix.near_duplicates) };
    const write = async (sample: Sample) => {
      counts.samples += 1;
      gate.look(sample);
      await samples.write(sample);
    };
    const keep = async (sample: Sample) => {
      funnel.add('samples', sample);
      mixed?.tasks.add(sample);
      await write(sample);
    };
    const drop = async (trace: Trace, finding: Finding) => {
      counts.dropped += 1;
      count(reasons, finding.code);
      await dropped.write(droppedOf(trace, finding));
    };

    for await (const task of inputs.tasks.rows('tasks.jsonl', taskSchema)) funnel.add('tasks', task);
    for await (const task of inputs.relevant.rows('kept.jsonl', relevantTaskSchema)) funnel.add('relevant', task);

    const caps = params.cap === undefined ? undefined : new Caps(params.cap);
    /** One bit for each trace: whether it got as far as the caps. */
    const candidates: boolean[] = [];
    for await (const group of sifted(tracesOf(context), sieve)) {
      const all: Sifted[] = [];
      for (const one of group) {
        const whole = judged === undefined ? one : await judged.addTo(one);
        funnel.add('traces', whole.trace.task);
        funnel.judged(whole.verdicts);
        all.push(whole);
      }
      const best = bestOf(
        all.filter(({ finding }) => finding === undefined),
        params.best_of,
      );
      for (const one of all) {
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
    const mix =
      mixed &&
      (await addMix(context, mixed.params, { others: counts.samples, tasks: mixed.tasks, sieve, onSample: write }));
    await output.json('funnel.json', mix === undefined ? funnel.funnel : { ...funnel.funnel, mix });
    const finding = gate.finding(counts.samples);
    if (finding !== undefined && params.on_contamination === 'stop')
      throw refuseSamples(finding, Object.keys(gate.samples), params);
    if (finding !== undefined) emit({ type: 'log', level: 'warn', message: finding });
    // In no file: what is trained must not depend on which suites there are.
    const held = Object.fromEntries(Object.entries(gate.samples).map(([suite, held]) => [inSuite(suite), held]));
    const made = { ...counts, ...(mix === undefined ? {} : { mixed: mix.samples }), ...held };
    const tools = analysed === undefined ? {} : { tools: analysed.versions };
    if (judged === undefined) return { counts: made, reasons, ...tools };
    const { tokens, cost_usd, ...numbers } = judged.used;
    return { counts: { ...made, ...numbers }, reasons, tokens, cost_usd, ...tools };
  },
});

type Context = StageContextOf<CurateStageParams, Input>;

/** Those that decide what becomes of a sample. */
function suitesOf({ decontaminate = [], evaluated }: CurateStageParams): readonly string[] {
  return [...new Set([...decontaminate, ...evaluated])];
}

function tracesOf({ inputs }: Context): AsyncIterable<Trace> {
  return inputs.traces.rows(TRACES, traceSchema);
}

/** What best-of-N counts: how much of the code is known to be right. */
const known = ['function', 'actuation'] as const;

function bestOf(sifted: readonly Sifted[], most = Infinity): ReadonlySet<Sifted> {
  const merit = ({ verdicts }: Sifted) => known.filter((name) => verdicts.get(name) === 'pass').length;
  const best = [...sifted].sort(
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
