import { SecpiError } from '../../base/errors.js';
import type { SuiteTexts } from '../decontamination.js';
import type { CurateStageParams } from './params.js';
import type { Sample } from './records.js';

/** Samples that a message names for each suite. */
const named = 3;

interface Found {
  samples: number;
  /** The first of them: the task, and the problem that it has something of. */
  readonly first: string[];
}

/**
 * The last look at what is trained on: whether any of it holds something of what is evaluated. It looks at samples, whatever was kept out of the
 * tasks and whichever filters were on. It stands here and not in `train`, whose artifact would then depend on which suites there are: a suite that
 * is added is compared with the same samples, and nothing is trained again.
 */
export class BenchmarkGate {
  readonly #evaluated: SuiteTexts;
  readonly #found = new Map<string, Found>();

  constructor(evaluated: SuiteTexts) {
    this.#evaluated = evaluated;
  }

  look(sample: Sample): void {
    for (const [suite, { reference }] of this.#evaluated.inSample(sample)) {
      const found = this.#found.get(suite) ?? { samples: 0, first: [] };
      found.samples += 1;
      if (found.samples <= named) found.first.push(`${sample.task_id} (${reference})`);
      this.#found.set(suite, found);
    }
  }

  /** Samples that hold something of a suite, by its name. */
  get samples(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#found].map(([suite, { samples }]) => [suite, samples]));
  }

  /** What was found, in a sentence; `undefined` when nothing was. */
  finding(samples: number): string | undefined {
    if (this.#found.size === 0) return undefined;
    const of = [...this.#found].map(([suite, found]) => {
      const more = found.samples > named ? ` and ${found.samples - named} more` : '';
      return `${suite} (${found.samples} of ${samples} samples: ${found.first.join(', ')}${more})`;
    });
    return `what is trained on holds tasks, tests or solutions of what is evaluated: ${of.join('; ')}`;
  }
}

/** `curate/benchmark-in-samples`: the run must not go on to the training. */
export function refuseSamples(
  finding: string,
  suites: readonly string[],
  { decontaminate = [] }: CurateStageParams,
): SecpiError {
  const all = [...new Set([...decontaminate, ...suites])].join(', ');
  return new SecpiError('curate/benchmark-in-samples', finding, {
    hint: `Drop them: \`curate: { decontaminate: [${all}], filters: { contamination: true } }\`. To train on them all the same, set \`curate.on_contamination: report\`: the report says so at its top.`,
    exitCode: 3,
  });
}
