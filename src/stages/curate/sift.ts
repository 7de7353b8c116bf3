import { sha256Json } from '../../base/hash.js';
import { fencedBlocks } from '../../suites/answers/fenced-blocks.js';
import type { SuiteTexts } from '../decontamination.js';
import type { Trace } from '../trace/records.js';
import type { Analysed } from './analysers/analyse.js';
import { codeOf } from './code-of.js';
import type { Answered, Candidate, FilterContext, Finding, Verdict } from './filters/filter.js';
import { firstFinding, judgeTrace, type Verdicts } from './filters/judge-trace.js';
import type { ObjectorName, Sample } from './records.js';
import { readCode } from './syntax/read-code.js';

/** A trace, the sample that it would make, and what the filters say of it. */
export interface Sifted {
  readonly trace: Trace;
  readonly sample: Sample;
  readonly verdicts: Verdicts;
  /** The first objection of a filter that is on. */
  readonly finding: Finding | undefined;
}

interface Sieve {
  readonly context: FilterContext;
  readonly contamination: SuiteTexts;
  /** What analysers said of the same traces, where the recipe names any. */
  readonly analysed: Analysed | undefined;
  readonly on: ReadonlySet<ObjectorName>;
}

/** What the filters say of the traces, task by task: the same each time, so that it can be read again instead of being kept. */
export async function* sifted(
  traces: AsyncIterable<Trace>,
  { context, contamination, analysed, on }: Sieve,
): AsyncGenerator<readonly Sifted[]> {
  const seen = new Set<string>();
  await using analysers = analysed?.read();
  for await (const group of byTask(traces)) {
    const read: { readonly parse: Verdict; readonly analysers: Verdict }[] = [];
    for (const { blocks, trace } of group) {
      read.push({
        parse: await readCode(blocks, trace.task.language),
        analysers: (await analysers?.of(trace)) ?? 'unverified',
      });
    }
    yield group.map((candidate, index) => {
      const sample = sampleOf(candidate.trace);
      const verdicts = judgeTrace(candidate, context, {
        duplicate: duplicate(sample, seen),
        contamination: contaminated(sample, contamination),
        ...(read[index] ?? { parse: 'unverified', analysers: 'unverified' }),
      });
      const finding = firstFinding(verdicts, on);
      if (finding === undefined) seen.add(sample.id);
      return { trace: candidate.trace, sample, verdicts, finding };
    });
  }
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

/** What a trace is trained on as. */
export function sampleOf({ task, reasoning, answer }: Answered): Sample {
  const prompt = task.prompt;
  const completion = `<think>\n${(reasoning ?? '').trim()}\n</think>\n\n${answer.trim()}`;
  const id = `sample-${sha256Json({ prompt, completion }).slice(0, 16)}`;
  const { language, cwes, source, licence } = task;
  return { schema: 1, id, prompt, completion, language, cwes, task_id: task.id, source, licence };
}

function duplicate(sample: Sample, seen: ReadonlySet<string>): Verdict {
  return seen.has(sample.id) ? { code: 'duplicate', detail: `same as ${sample.id}` } : 'pass';
}

/** What a sample has of a suite, as a verdict. */
export function contaminated(sample: Sample, suites: SuiteTexts): Verdict {
  for (const [, hit] of suites.inSample(sample)) {
    const what = hit.kind === 'copy' ? `shares "${hit.words}" with` : `has the meaning ("${hit.words}") of`;
    return { code: 'contaminated', detail: `${what} ${hit.reference}` };
  }
  return 'pass';
}
