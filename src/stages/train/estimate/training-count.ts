import { accumulationOf, type TrainSpec } from '../spec.js';
import { packedSequences } from './packed-sequences.js';

/** What a training goes through, as the trainer counts it. */
export interface TrainingCount {
  /** Whether rows are those of samples that are made; else as many, and as long, as there can be. */
  readonly isKnown: boolean;
  /** Whether that is all of them; else the training has so many passes, of nobody knows how many rows. */
  readonly isAll: boolean;
  /** Rows that are trained on. */
  readonly rows: number;
  /** Rows that are left out because they have more than `max_tokens`. */
  readonly tooLong: number;
  /** Tokens of all rows, prompts among them. */
  readonly tokensOfRows: number;
  /** How long the row is that a token stands in, on average over all tokens: so much can attention see. */
  readonly seen: number;
  /** Optimiser steps. */
  readonly steps: number;
  /** How often each row is seen; what the trainer calls epochs. */
  readonly passes: number;
  /** Of all passes, prompts among them. */
  readonly tokens: number;
}

/** Rows that a training is planned for whose samples are not made yet, unless it has a number of steps. */
export const ASSUMED_ROWS = 1000;

/** Settings of a training, and how many samples it sets aside. */
export type CountedSpec = TrainSpec & { readonly holdout: number };

interface Rows {
  readonly rows: number;
  /** What a forward pass takes `batch_size` of: rows, or packed ones. */
  readonly sequences: number;
  readonly tokens: number;
  /** Of the rows' lengths, added up. */
  readonly squares: number;
}

/**
 * Steps, passes and tokens of a training that so many processes share, as transformers counts them. `lengths` are the tokens of all samples;
 * without them rows of `max_tokens` are taken for granted. trainers/tests/test_planned_count.py holds this against real trainings.
 */
export function countTraining(
  spec: CountedSpec,
  lengths: readonly number[] | undefined,
  processes: number,
): TrainingCount {
  const accumulation = accumulationOf(spec, processes);
  const rows =
    lengths === undefined
      ? fullRows((spec.steps ?? 0) * spec.batch_size * accumulation * processes || ASSUMED_ROWS, spec.max_tokens)
      : rowsOf(trainedOf(lengths, spec), spec);
  const batches = Math.ceil(rows.sequences / (spec.batch_size * processes));
  const stepsOfPass = Math.max(1, Math.ceil(batches / accumulation));
  const steps = rows.rows === 0 ? 0 : (spec.steps ?? Math.ceil((spec.epochs ?? 1) * stepsOfPass));
  // Only the last step of a pass may take less than the others.
  const begun = (steps % stepsOfPass) * accumulation;
  const passes = Math.floor(steps / stepsOfPass) + begun / Math.max(1, batches);
  return {
    isKnown: lengths !== undefined,
    isAll: lengths !== undefined || spec.steps !== undefined,
    rows: rows.rows,
    tooLong: (lengths ?? []).filter((length) => length > spec.max_tokens).length,
    tokensOfRows: rows.tokens,
    seen: rows.squares / Math.max(1, rows.tokens),
    steps,
    passes,
    tokens: rows.tokens * passes,
  };
}

/** The lengths of the rows that are trained on. */
function trainedOf(lengths: readonly number[], { max_tokens, holdout }: CountedSpec): readonly number[] {
  const kept = lengths.filter((length) => length <= max_tokens);
  const left = Math.max(0, kept.length - holdout);
  // Which are set aside depends on hashes of their tasks; these are spread evenly instead.
  const upTo = (place: number) => Math.floor((place * left) / kept.length);
  return kept.filter((_, place) => upTo(place + 1) > upTo(place));
}

function rowsOf(lengths: readonly number[], { packing, max_tokens }: CountedSpec): Rows {
  return {
    rows: lengths.length,
    sequences: packing ? packedSequences(lengths, max_tokens) : lengths.length,
    tokens: lengths.reduce((total, length) => total + length, 0),
    squares: lengths.reduce((total, length) => total + length ** 2, 0),
  };
}

/** Each of them fills a sequence. */
function fullRows(rows: number, length: number): Rows {
  return { rows, sequences: rows, tokens: rows * length, squares: rows * length ** 2 };
}
