import type { Sampling } from '../models/chat.js';

/** How often a stage asks a question, and how. */
interface Sampled {
  readonly samples: number;
  readonly sampling: Pick<Sampling, 'temperature'>;
}

interface SampledSuites {
  readonly suites: Readonly<Record<string, { readonly samples: number }>>;
  readonly sampling: Pick<Sampling, 'temperature'>;
}

/** What is to be said about several traces of a task where nothing is drawn: a list of at most one. */
export function repeatedTraces({ samples, sampling }: Sampled): readonly string[] {
  return said('trace.samples', samples, 'trace', sampling);
}

/** The same about the suites of an evaluation. */
export function repeatedAnswers({ suites, sampling }: SampledSuites): readonly string[] {
  return Object.entries(suites).flatMap(([suite, { samples }]) =>
    said(`evaluate.suites.${suite}.samples`, samples, 'evaluate', sampling),
  );
}

function said(at: string, samples: number, stage: string, { temperature }: Sampled['sampling']): readonly string[] {
  if (samples === 1 || temperature > 0) return [];
  return [
    `\`${at}\` is ${samples} at temperature 0: each question is bought ${samples} times, and most servers answer it alike each time; set \`${stage}.sampling.temperature\` (0.6, say), or \`${at}\` to 1`,
  ];
}

/** The same about a recipe, before anything is bought. */
export function repeatedIn(recipe: { readonly trace: Sampled; readonly evaluate: SampledSuites }): readonly string[] {
  return [...repeatedTraces(recipe.trace), ...repeatedAnswers(recipe.evaluate)];
}
