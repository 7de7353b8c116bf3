/**
 * Learns the model by which the filter `giveaway` finds talk of having been told (`catalogue/giveaway/model.json`): from the passages beside it, from the labelled texts that
 * may be looked at, from the quickstart's traces, and from ordinary reasoning, which is fetched into a folder where it is not there. Prints how good it is on writers and questions that it has not
 * learnt from, and writes nothing with `--measure`.
 *
 *   npx tsx scripts/giveaway-model.ts FOLDER [--measure]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { randomFrom } from '../bench/made-up/seeded.js';
import { readJsonLines } from '../src/base/files/json-lines.js';
import { sha256 } from '../src/base/hash.js';
import { packageRoot } from '../src/base/package-root.js';
import { openRecording } from '../src/models/answers/recording.js';
import { loadCatalogue } from '../src/security/catalogue.js';
import { labelledTexts } from '../src/security/probing/labelled-texts.js';
import { FEATURE_BITS, FeatureReader } from '../src/security/texts/giveaway/features.js';
import {
  type GiveawayModelFile,
  giveawayModelFile,
  parseGiveawayModel,
} from '../src/security/texts/giveaway/giveaway-model.js';
import { passagesOf } from '../src/security/texts/giveaway/passages.js';
import { guidedTalk } from '../src/security/texts/guided-talk.js';
import { type Example, type LinearModel, learn } from './giveaway/linear-svm.js';
import { ordinaryTraces } from './giveaway/ordinary-traces.js';

/** A text with a label; its passages' features. */
interface Labelled {
  /** Who wrote it; `0` for the labelled texts of the catalogue, which are always learnt from. */
  readonly writer: number;
  readonly leak: boolean;
  /** Whether it has words that the filter `leak` knows. */
  readonly known: boolean;
  readonly passages: readonly Uint32Array[];
}

const COST = 2;
/** Of ordinary questions three in five are learnt from, and of those half of the passages. */
const ORDINARY = { learnt: 0.6, passages: 0.5 };
const FOLDS = 5;

const reader = new FeatureReader();
const featuresOf = (text: string) => Array.from(passagesOf(text), (passage) => Uint32Array.from(reader.read(passage)));

const passageSchema = z.strictObject({ writer: z.int().positive(), leak: z.boolean(), text: z.string() });

function labelledAs(writer: number, leak: boolean, text: string): Labelled {
  return { writer, leak, known: guidedTalk(text, '') !== undefined, passages: featuresOf(text) };
}

async function labelled(): Promise<readonly Labelled[]> {
  const all: Labelled[] = [];
  const path = join(packageRoot, 'catalogue', 'giveaway', 'passages.jsonl');
  for await (const { writer, leak, text } of readJsonLines(path, passageSchema))
    all.push(labelledAs(writer, leak, text));
  const catalogue = loadCatalogue();
  for (const { part, drop, text } of labelledTexts('leaks', catalogue))
    if (part !== 'held-out') all.push(labelledAs(0, drop, text));
  for (const { text } of labelledTexts('depth', catalogue)) all.push(labelledAs(0, false, text));
  await using teacher = await openRecording(join(packageRoot, 'recipes', 'quickstart', 'teacher.jsonl'));
  for await (const { answer } of teacher.rows())
    all.push(labelledAs(0, false, `${answer.reasoning}\n\n${answer.content}`));
  return all;
}

interface Ordinary {
  readonly learnt: readonly Uint32Array[];
  /** By trace. */
  readonly kept: readonly (readonly Uint32Array[])[];
}

async function ordinary(folder: string): Promise<Ordinary> {
  const chance = randomFrom(1);
  const learnt: Uint32Array[] = [];
  const kept: (readonly Uint32Array[])[] = [];
  for (const { question, text } of await ordinaryTraces(folder)) {
    // By the question: the same one is answered more than once.
    const isLearnt = Number.parseInt(sha256(question).slice(0, 8), 16) / 2 ** 32 < ORDINARY.learnt;
    const passages = featuresOf(text);
    if (isLearnt) learnt.push(...passages.filter(() => chance() < ORDINARY.passages));
    else kept.push(passages);
  }
  return { learnt, kept };
}

/** Of a leak only the passage counts that looks most like one: the others may be as innocent as any. */
function learnFrom(texts: readonly Labelled[], innocent: readonly Uint32Array[]): LinearModel {
  let model: LinearModel | undefined;
  for (let round = 0; round < 2; round += 1) {
    const examples: Example[] = innocent.map((features) => ({ features, leak: false, cost: COST }));
    for (const { leak, passages } of texts) {
      const counted = leak && model !== undefined ? [mostLike(model, passages)] : passages;
      for (const features of counted) examples.push({ features, leak, cost: COST });
    }
    model = learn(examples, FEATURE_BITS);
  }
  return model as LinearModel;
}

function scoreOf({ weights, bias }: LinearModel, features: Uint32Array): number {
  let sum = 0;
  for (const feature of features) sum += weights[feature] ?? 0;
  return bias + sum / Math.sqrt(Math.max(1, features.length));
}

function mostLike(model: LinearModel, passages: readonly Uint32Array[]): Uint32Array {
  return passages.reduce((most, one) => (scoreOf(model, one) > scoreOf(model, most) ? one : most));
}

const best = (model: LinearModel, passages: readonly Uint32Array[]) =>
  Math.max(Number.NEGATIVE_INFINITY, ...passages.map((features) => scoreOf(model, features)));

const share = (scores: readonly number[], from: number) =>
  (scores.filter((score) => score >= from).length / scores.length).toFixed(3);

/** What a model finds that has learnt from four writers in five, of the texts of the fifth. */
function measure(texts: readonly Labelled[], { learnt, kept }: Ordinary): void {
  const scores = { leaks: [] as number[], clean: [] as number[], ordinary: [] as number[] };
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const isHeldOut = ({ writer }: Labelled) => writer > 0 && writer % FOLDS === fold;
    const model = learnFrom(
      texts.filter((text) => !isHeldOut(text)),
      learnt,
    );
    for (const text of texts.filter(isHeldOut)) scores[text.leak ? 'leaks' : 'clean'].push(best(model, text.passages));
    scores.ordinary.push(...kept.map((passages) => best(model, passages)));
  }
  process.stdout.write(
    `${scores.leaks.length} leaks and ${scores.clean.length} clean texts of other writers, ${kept.length} traces\n`,
  );
  const others = texts.filter(({ writer, known }) => writer > 0 && known);
  const leaks = others.filter(({ leak }) => leak).length;
  process.stdout.write(`the words of the filter leak are in ${leaks} and ${others.length - leaks} of them\n`);
  process.stdout.write('score  of leaks  of clean  of traces\n');
  for (let from = -0.3; from < 0.7; from += 0.1)
    process.stdout.write(
      `${from.toFixed(1).padStart(5)}     ${share(scores.leaks, from)}     ${share(scores.clean, from)}      ${share(scores.ordinary, from)}\n`,
    );
}

/** Weights as whole numbers of one byte. */
function written({ weights, bias }: LinearModel): string {
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = largest / 127;
  const bytes = Buffer.from(Int8Array.from(weights, (weight) => Math.round(weight / scale)).buffer);
  const file: GiveawayModelFile = { schema: 1, bits: FEATURE_BITS, bias, scale, weights: bytes.toString('base64') };
  return `${JSON.stringify(file)}\n`;
}

const [folder, ...options] = process.argv.slice(2);
if (folder === undefined)
  throw new Error('name the folder of ordinary traces: they are fetched where they are missing');
const texts = await labelled();
const traces = await ordinary(folder);
process.stdout.write(`${texts.length} labelled texts, ${traces.learnt.length} passages of ordinary reasoning\n`);
measure(texts, traces);
if (!options.includes('--measure')) {
  const text = written(learnFrom(texts, traces.learnt));
  parseGiveawayModel(text);
  await writeFile(giveawayModelFile, text);
  const same = (await readFile(giveawayModelFile, 'utf8')) === text;
  process.stdout.write(`${giveawayModelFile}: ${text.length} bytes, ${same ? sha256(text) : 'not written'}\n`);
}
