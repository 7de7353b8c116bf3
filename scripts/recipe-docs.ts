/**
 * `npx tsx scripts/recipe-docs.ts`: writes the tables of docs/recipe.md from the recipe's schema and the comments above its
 * fields, so that the page cannot say anything else than the code does. A test compares the two.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { packageRoot } from '../src/base/package-root.js';
import { traitsOf } from '../src/base/schema/field-traits.js';
import { definitionOf, type Schema, type Shape, wrappedIn } from '../src/base/schema/schema-walk.js';
import { recipeSchema } from '../src/pipeline.js';
import { FieldComments } from './field-comments.js';

const page = join(packageRoot, 'docs', 'recipe.md');
const border = '<!-- Everything below is written by scripts/recipe-docs.ts. -->';

/** Those of `plainMeanings` that were taken; the rest is left over from fields that are gone. */
const taken = new Set<string>();

/** What a comment cannot say: where a field is handed on to another stage, or to none. */
const fingerprints: readonly (readonly [RegExp, string])[] = [
  [/^(extends|compute)\b/, 'no'],
  [/^matrix\b/, 'as what it changes'],
  [/^(name|description)$/, 'of `report`'],
  [/^seed$/, 'of every stage'],
  [/^evaluate\.gates\b/, 'of `publish`'],
];

/** Fields that say what they are by their names, and so have no comment in the code. */
const plainMeanings: Readonly<Record<string, string>> = {
  seed: 'Every random choice follows from it.',
  name: 'Name of the recipe, in runs and reports.',
  'models.target': 'The model that is tuned: from the Hub, from a folder, or built on the spot.',
  'report.title': 'Title of the page. Default: the model and the recipe.',
  models: 'The models, by name. `target` is the one that is tuned; any other can be asked.',
  collect: 'Reads tasks.',
  filter: 'Asks a model which tasks are relevant to security.',
  trace: 'Asks the teacher for reasoning and answers.',
  curate: 'Chooses what is trained on.',
  train: 'Tunes the target.',
  evaluate: 'Asks base, tuned and other models the same questions and scores the answers.',
  report: 'Writes the report.',
  publish: 'Puts the result into a folder or onto the Hub. Without it nothing is published.',
  compute: 'Machines, by name. `here` is the one that stages use unless told otherwise.',
  temperature: 'Sampling temperature.',
  top_p: 'Nucleus sampling.',
  'sampling.seed': "Sent to the server, which may ignore it. Not the recipe's `seed`.",
  sampling: 'How answers are drawn.',
  price: 'USD per 1 million tokens; for estimates, budgets and the report.',
  concurrency:
    'Requests in flight at once, at each endpoint. It starts at `start`, follows the server, and never passes `max`.',
  start: 'At the beginning.',
  max: 'Upper limit.',
  budget:
    'A hard stop for all stages of a run together. Answers that an earlier run bought count too, when they are used.',
  usd: 'In USD, by `price`, which it needs.',
  tokens: 'Input and output together.',
  'price.input': 'For input tokens.',
  'price.output': 'For output tokens.',
  tiny: 'Builds a model of a few million parameters on the spot.',
  architecture: 'Size of the Qwen2 model. What is left out: 256, 2, 4, 2, 512, 2048, 2048.',
  hidden: 'Width.',
  layers: 'Number of layers.',
  heads: 'Attention heads.',
  kv_heads: 'Key and value heads.',
  mlp: 'Width of the feed-forward part.',
  context: 'Longest sequence, in tokens.',
  vocabulary: 'Size of the tokenizer.',
  'tiny.steps': 'Training steps of the base.',
  'tiny.batch_size': 'Rows per step.',
  learning_rate: 'Peak learning rate.',
  revision: 'Branch, tag or commit.',
  sources: 'Where tasks come from, in order.',
  'sources[].name': "The name that the source's rows carry. Default: the file's or dataset's name.",
  lora: 'The adapter. Not used with `full`.',
  rank: 'Rank of the adapter.',
  alpha: 'Scaling of the adapter.',
  dropout: 'Dropout inside the adapter.',
  targets: 'Which linear layers get an adapter.',
  steps: 'Number of optimiser steps, instead of `epochs`.',
  scheduler: 'Shape of the learning rate over time.',
  weight_decay: 'Weight decay.',
  adam: 'Of the optimiser.',
  beta1: 'How slowly the mean of the gradients changes.',
  beta2: 'How slowly the mean of their squares changes.',
  epsilon: 'Keeps the division from zero.',
  dtype: "Type of the base's weights.",
  min_reasoning_characters: 'A shorter reasoning is dropped as `think_short`.',
  min_answer_characters: 'A shorter answer is dropped as `answer_short`.',
  gates: 'Figures that decide whether `publish` may run, by `suite.figure`, e.g. `mini.func_sec_at_1`.',
  push: 'What is published.',
};

/** The schema itself and what its wrappers (optional, default, ...) hold; of a pipe what is written, its input. */
function layersOf(schema: Schema): readonly Schema[] {
  const inner = wrappedIn(schema) ?? definitionOf(schema).in;
  return inner === undefined ? [schema] : [schema, ...layersOf(inner)];
}

function coreOf(schema: Schema): Schema {
  const layers = layersOf(schema);
  return layers[layers.length - 1] ?? schema;
}

/** Whether a field is marked as "how to run". */
function isOperational(schema: Schema): boolean {
  return layersOf(schema).some((layer) => traitsOf(layer).operational === true);
}

function isInputFile(schema: Schema): boolean {
  const layers = layersOf(schema);
  const element = layers.flatMap((layer) => definitionOf(layer).element ?? []).flatMap(layersOf);
  return [...layers, ...element].some((layer) => traitsOf(layer).path === 'input');
}

interface Section {
  readonly title: string;
  readonly path: string;
  readonly shape: Shape;
  /** True when nothing below enters a fingerprint. */
  readonly operational: boolean;
}

/** Objects below a field that deserve a table of their own. */
function sectionsIn(schema: Schema, path: string, operational: boolean): readonly Section[] {
  const core = coreOf(schema);
  const { type, shape, element, valueType, options = [], catchall } = definitionOf(core);
  switch (type) {
    case 'object': {
      const any = catchall !== undefined && definitionOf(catchall).type !== 'never' ? catchall : undefined;
      const named = any === undefined ? [] : sectionsIn(any, `${path}.<name>`, operational);
      return [{ title: path, path, shape: shape ?? {}, operational }, ...named];
    }
    case 'array':
      return element === undefined ? [] : sectionsIn(element, `${path}[]`, operational);
    case 'record':
      return valueType === undefined ? [] : sectionsIn(valueType, `${path}.<name>`, operational);
    case 'union':
      return options.flatMap((option) => {
        const others = options.filter((other) => other !== option).flatMap((other) => keysOf(other));
        const own = keysOf(option).find((key) => !others.includes(key));
        return sectionsIn(option, path, operational).map((section) => ({
          ...section,
          title: own === undefined ? section.title : `${section.title}\` with \`${own}`,
        }));
      });
    default:
      return [];
  }
}

function keysOf(schema: Schema): readonly string[] {
  return Object.keys(definitionOf(coreOf(schema)).shape ?? {});
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** A type in words, from the field's JSON Schema. */
function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const).replaceAll('"', '')}\``;
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (Array.isArray(schema.anyOf)) return (schema.anyOf as JsonSchema[]).map(typeText).join(' or ');
  switch (schema.type) {
    case 'array':
      return `list of ${itemsText((schema.items ?? {}) as JsonSchema)}`;
    case 'integer':
    case 'number':
      return [schema.type === 'integer' ? 'whole number' : 'number', rangeText(schema)].filter(Boolean).join(' ');
    case 'boolean':
      return 'true, false';
    case 'string':
      return 'text';
    case 'object':
      return 'map';
    default:
      return '';
  }
}

/** What a list holds, in the plural where it is a word. */
function itemsText(items: JsonSchema): string {
  const text = typeText(items);
  return /^map( or map)*$/.test(text) ? 'maps' : text === 'text' ? 'texts' : text;
}

function rangeText({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  const safe = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) < 2 ** 53 - 1;
  return [
    safe(minimum) ? `≥ ${minimum}` : '',
    safe(exclusiveMinimum) ? `> ${exclusiveMinimum}` : '',
    safe(maximum) ? `≤ ${maximum}` : '',
    safe(exclusiveMaximum) ? `< ${exclusiveMaximum}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function typeOf(schema: Schema): string {
  return typeText(z.toJSONSchema(coreOf(schema), { io: 'input', unrepresentable: 'any' }) as JsonSchema);
}

function defaultOf(schema: Schema): string {
  const layers = layersOf(schema).map(definitionOf);
  const given = layers.find(({ type }) => type === 'default' || type === 'prefault');
  if (given === undefined) return layers.some(({ type }) => type === 'optional') ? '' : 'required';
  const value = given.defaultValue;
  if (given.type === 'prefault' && JSON.stringify(value) === '{}') return '';
  return `\`${inYaml(value)}\``;
}

function inYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inYaml).join(', ')}]`;
  if (value === '') return '""';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Object.keys(value).length === 0) return '{}';
  return `{ ${Object.entries(value)
    .map(([key, item]) => `${key}: ${inYaml(item)}`)
    .join(', ')} }`;
}

function fingerprintOf(path: string, schema: Schema, section: Section): string {
  const exception = fingerprints.find(([pattern]) => pattern.test(path));
  if (exception !== undefined) return exception[1];
  if (isInputFile(schema)) return 'its content';
  return section.operational || isOperational(schema) ? 'no' : 'yes';
}

function meaningOfField(path: string, key: string, section: Section, comments: FieldComments): string {
  const comment = comments.of(Object.keys(section.shape), key);
  const ends = Object.keys(plainMeanings).filter((end) => path === end || path.endsWith(`.${end}`));
  const longest = ends.sort((a, b) => b.length - a.length)[0];
  if (comment === undefined && longest !== undefined) taken.add(longest);
  const meaning = comment ?? (longest === undefined ? undefined : plainMeanings[longest]);
  if (meaning === undefined) throw new Error(`${path} has neither a comment in the code nor a meaning in this script`);
  return meaning;
}

/** The page as it has to be. */
export function recipePage(): string {
  const comments = FieldComments.ofSources();
  const written = new Map<Shape, string>();
  const out: string[] = [];

  const write = (section: Section): void => {
    const { title, path, shape } = section;
    const known = written.get(shape);
    out.push(path === '' ? '## The top level' : `## \`${title}\``);
    if (known !== undefined) {
      out.push(`The same fields as \`${known}\`.`);
      return;
    }
    written.set(shape, title);
    const below: Section[] = [];
    const rows = Object.entries(shape).map(([key, field]) => {
      const at = path === '' ? key : `${path}.${key}`;
      below.push(...sectionsIn(field, at, section.operational || isOperational(field)));
      const meaning = meaningOfField(at, key, section, comments);
      const cells = [`\`${key}\``, typeOf(field), defaultOf(field), fingerprintOf(at, field, section), meaning];
      return `| ${cells.join(' | ')} |`;
    });
    out.push(['| field | type | default | fingerprint | meaning |', '|---|---|---|---|---|', ...rows].join('\n'));
    for (const inner of below) write(inner);
  };
  write({ title: '', path: '', shape: definitionOf(recipeSchema).shape ?? {}, operational: false });

  const left = Object.keys(plainMeanings).filter((name) => !taken.has(name));
  if (left.length > 0) throw new Error(`no field needs these meanings any more: ${left.join(', ')}`);
  const [introduction = ''] = readFileSync(page, 'utf8').split(border);
  return `${introduction}${border}\n\n${out.join('\n\n')}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(page, recipePage());
