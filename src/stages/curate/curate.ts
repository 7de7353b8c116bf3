import * as z from 'zod';
import { sha256Json } from '../../base/hash.js';
import { ContaminationIndex } from '../../datasets/contamination.js';
import { taskSchema } from '../../datasets/task.js';
import { defineStage } from '../../engine/stage.js';
import { count } from '../asking.js';
import { suiteReferences } from '../decontamination.js';
import { relevantTaskSchema } from '../filter/records.js';
import type { SecpiStage, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { type Trace, traceSchema } from '../trace/records.js';
import { type Finding, findingOf } from './checks.js';
import { countFunnel } from './funnel.js';
import type { DroppedTrace, Sample } from './records.js';

export const curateParams = z.strictObject({
  /**
   * `minimal`: shape, leak, depth, length, duplicates, contamination. `shape` leaves out leak and depth: for the traces of a teacher that was
   * not told which weaknesses matter (`trace.prompt`), of which none would be left otherwise.
   */
  profile: z.enum(['minimal', 'shape']).default('minimal'),
  min_reasoning_characters: z.number().int().nonnegative().default(200),
  min_answer_characters: z.number().int().nonnegative().default(8),
  /** Reasoning and answer together. Tokens are counted later, when the target's tokenizer is at hand. */
  max_characters: z.number().int().positive().default(64_000),
  /** Suites whose problems must not stand in the samples; default: what `collect.decontaminate` names. */
  decontaminate: z.array(z.string()).optional(),
});
type Params = z.infer<typeof curateParams>;
type Input = 'tasks' | 'relevant' | 'traces';

/** Turns traces into training samples: the task without any security hint, followed by reasoning and answer. */
export const curate: SecpiStage<Params, Input> = defineStage<Params, Input, StageServices>({
  name: 'curate',
  version: 1,
  params: curateParams,
  inputs: ['tasks', 'relevant', 'traces'],
  seeded: false,

  async pins({ params, services }) {
    return {
      catalogue: services.catalogueDigest,
      suites: await suitePins(params.decontaminate ?? [], services),
    };
  },

  async run({ params, inputs, output, services, signal, emit }) {
    const contamination = new ContaminationIndex(await suiteReferences(params.decontaminate ?? [], services));
    const seen = new Set<string>();
    const reasons: Record<string, number> = {};
    const kept: Sample[] = [];
    const samples = await output.rows('samples.jsonl');
    const dropped = await output.rows('dropped.jsonl');
    let traces = 0;

    for await (const trace of inputs.traces.rows('traces.jsonl', traceSchema)) {
      signal.throwIfAborted();
      traces += 1;
      const sample = sampleOf(trace);
      const finding =
        findingOf(trace, params, services.catalogue) ?? duplicate(sample, seen) ?? contaminated(sample, contamination);
      if (finding === undefined) {
        seen.add(sample.id);
        kept.push(sample);
        await samples.write(sample);
      } else {
        count(reasons, finding.code);
        await dropped.write(droppedOf(trace, finding));
      }
      emit({ type: 'progress', done: traces, unit: 'traces' });
    }
    const funnel = await countFunnel({
      tasks: inputs.tasks.rows('tasks.jsonl', taskSchema),
      relevant: inputs.relevant.rows('kept.jsonl', relevantTaskSchema),
      traces: inputs.traces.rows('traces.jsonl', traceSchema),
      samples: kept,
    });
    await output.json('funnel.json', funnel);
    return { counts: { traces, samples: kept.length, dropped: traces - kept.length }, reasons };
  },
});

function sampleOf({ task, reasoning, answer }: Trace): Sample {
  const prompt = task.prompt;
  const completion = `<think>\n${(reasoning ?? '').trim()}\n</think>\n\n${answer.trim()}`;
  const id = `sample-${sha256Json({ prompt, completion }).slice(0, 16)}`;
  const { language, cwes, source, licence } = task;
  return { schema: 1, id, prompt, completion, language, cwes, task_id: task.id, source, licence };
}

function duplicate(sample: Sample, seen: ReadonlySet<string>): Finding | undefined {
  return seen.has(sample.id) ? { code: 'duplicate', detail: `same as ${sample.id}` } : undefined;
}

function contaminated(sample: Sample, index: ContaminationIndex): Finding | undefined {
  const hit = index.find(sample.prompt) ?? index.find(sample.completion);
  return hit === undefined
    ? undefined
    : { code: 'contaminated', detail: `shares "${hit.words}" with ${hit.reference}` };
}

function droppedOf(trace: Trace, { code, detail }: Finding): DroppedTrace {
  const { id, task } = trace;
  return { schema: 1, trace_id: id, task_id: task.id, language: task.language, cwes: task.cwes, code, detail };
}
