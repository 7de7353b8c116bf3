import type * as z from 'zod';
import { clip } from '../base/clip.js';
import { deviceOf } from '../compute/ranks.js';
import type { TargetSpec } from '../compute/target.js';
import { CWE_GROUPS } from '../security/cwe-entry.js';
import { isRateName } from '../suites/figures/figure-names.js';
import { KNOWN_SUITES } from '../suites/registry.js';
import { isWeights, variantNamed } from './evaluate/variant.js';
import { type PublishParams, publishProblem } from './publish/params.js';
import { demandsOf } from './train/packages.js';

/** Settings of a training that not every machine can follow. */
interface Training {
  readonly trainer: string;
  readonly method: string;
  readonly optimizer: string;
  readonly loss: string;
  readonly attention: string;
}

/** Those fields of a recipe that must fit each other. */
export interface RecipeSections {
  readonly models: { readonly target: { readonly tiny?: { readonly on: string } | undefined } };
  readonly collect: { readonly decontaminate: readonly string[] };
  readonly catalogue?: string | undefined;
  readonly filter: { readonly by: string; readonly groups?: readonly string[] | undefined };
  readonly trace: { readonly by: string; readonly prompt: string };
  readonly curate: {
    readonly profile: string;
    readonly judge?: { readonly by: string } | undefined;
    readonly analysers?: Readonly<Record<string, object | undefined>> | undefined;
    readonly filters: Readonly<Partial<Record<'analysers', boolean>>>;
    readonly decontaminate?: readonly string[] | undefined;
  };
  readonly train: Training & { readonly on: string };
  readonly evaluate: {
    readonly suites: Readonly<Record<string, { readonly from?: object | undefined }>>;
    readonly on?: string | undefined;
    readonly score_on?: string | undefined;
    readonly without_sandbox?: string | undefined;
    readonly variants: readonly string[];
    readonly compare: { readonly from: string; readonly to: string };
    readonly gates: Readonly<Record<'min_gain' | 'max_drop', Readonly<Record<string, unknown>>>>;
  };
  readonly publish?: Omit<PublishParams, 'gates'> | undefined;
  readonly compute: Readonly<Record<string, TargetSpec>>;
}

/** Any entry of `models` but the target. */
interface AskedModel {
  readonly endpoint?: string | undefined;
  readonly replay?: string | undefined;
  readonly serve?: { readonly on?: string | undefined } | undefined;
}

/** `what`: whether the key or the value at the path is to blame. */
type Complain = (path: readonly (string | number)[], message: string, what?: 'key' | 'value') => void;

/** What no single section of a recipe can see: names that must fit each other. Each rule complains by itself. */
const rules: readonly ((recipe: RecipeSections, complain: Complain) => void)[] = [
  modelsExist,
  modelsCanBeAsked,
  groupsExist,
  targetsExist,
  scoringFits,
  suitesExist,
  variantsFit,
  gatesNameSuites,
  tracesCanBeKept,
  analysersAreNamed,
  publishFits,
  packagesAreThere,
];

/** Holds a recipe against all rules; every complaint points at its place. */
export function checkRecipeRules(recipe: RecipeSections, context: z.core.$RefinementCtx<RecipeSections>): void {
  const complain: Complain = (path, message, what = 'value') => {
    context.addIssue({ code: 'custom', path: [...path], message, input: recipe, params: { what } });
  };
  for (const rule of rules) rule(recipe, complain);
}

function tracesCanBeKept({ trace, curate }: RecipeSections, complain: Complain): void {
  if (trace.prompt === 'security' || curate.profile === 'shape') return;
  complain(
    ['curate', 'profile'],
    `must be shape with \`trace.prompt: ${trace.prompt}\`: a teacher that is not told which weaknesses matter need not speak of them`,
  );
}

function analysersAreNamed({ curate: { filters, analysers = {} } }: RecipeSections, complain: Complain): void {
  if (filters.analysers !== true || Object.values(analysers).some((one) => one !== undefined)) return;
  complain(['curate', 'filters', 'analysers'], 'is on, and `curate.analysers` names none: `{ bandit: {} }`, say');
}

/** Who asks a model for the data, and where the recipe says which. */
function askersOf({ filter, trace, curate }: RecipeSections) {
  return [
    { stage: 'filter', path: ['filter', 'by'], by: filter.by },
    { stage: 'trace', path: ['trace', 'by'], by: trace.by },
    ...(curate.judge === undefined ? [] : [{ stage: 'curate', path: ['curate', 'judge', 'by'], by: curate.judge.by }]),
  ];
}

function modelsExist(recipe: RecipeSections, complain: Complain): void {
  const { models, evaluate } = recipe;
  const known = Object.keys(models).filter((name) => name !== 'target');
  for (const [index, { of }] of evaluate.variants.map(variantNamed).entries()) {
    if (isWeights(of) || known.includes(of)) continue;
    complain(
      ['evaluate', 'variants', index],
      `there is no model "${shown(of)}" (there are: base, tuned, and under \`models\`: ${known.slice(0, maximumListed).map(shown).join(', ') || 'none'})`,
    );
  }
  for (const { path, by } of askersOf(recipe)) {
    if (!known.includes(by)) {
      complain(path, `there is no model "${shown(by)}" under \`models\` (${listed(known)})`);
    }
  }
}

/** What variants are called must be there once, and those that are compared among them. */
function variantsFit({ evaluate: { variants, compare } }: RecipeSections, complain: Complain): void {
  for (const [index, name] of variants.entries()) {
    if (variants.indexOf(name) !== index)
      complain(['evaluate', 'variants', index], `"${shown(name)}" stands there twice`);
  }
  for (const end of ['from', 'to'] as const) {
    const name = compare[end];
    if (!variants.includes(name))
      complain(['evaluate', 'compare', end], `"${shown(name)}" is none of the variants (${listed(variants)})`);
  }
  if (compare.from === compare.to) complain(['evaluate', 'compare', 'to'], 'must be another variant than `from`');
}

/** One that nobody asks may be kept for later. */
function modelsCanBeAsked(recipe: RecipeSections, complain: Complain): void {
  const { models, evaluate } = recipe;
  const variants = [...new Set(evaluate.variants.map((name) => variantNamed(name).of))];
  const askers = askersOf(recipe);
  const stages = [...new Set(askers.map(({ by }) => by))].map((name) => {
    const asking = askers.filter(({ by }) => by === name).map(({ stage }) => `\`${stage}\``);
    return [`${asking.join(' and ')} ${asking.length > 1 ? 'ask' : 'asks'}`, name] as const;
  });
  stages.push(...variants.filter((of) => !isWeights(of)).map((of) => ['`evaluate` asks', of] as const));
  for (const [who, name] of stages) {
    // One that is not there is another mistake, and the target is asked by its own server.
    if (name === 'target' || !Object.hasOwn(models, name)) continue;
    const { endpoint, replay, serve } = (models as Readonly<Record<string, AskedModel>>)[name] ?? {};
    if (endpoint !== undefined || replay !== undefined || serve !== undefined) continue;
    complain(
      ['models', name],
      `nobody would answer, and ${who} it: give an \`endpoint\`, a \`replay\` of recorded answers, or \`serve\``,
      'key',
    );
  }
}

function targetsExist({ compute, train, evaluate, models, publish }: RecipeSections, complain: Complain): void {
  const known = Object.keys(compute);
  const check = (name: string, path: readonly string[]) => {
    if (!known.includes(name)) complain(path, `there is no "${shown(name)}" under \`compute\` (${listed(known)})`);
  };
  check(train.on, ['train', 'on']);
  for (const key of ['on', 'score_on'] as const) {
    const name = evaluate[key];
    if (name !== undefined) check(name, ['evaluate', key]);
  }
  if (publish?.on !== undefined) check(publish.on, ['publish', 'on']);
  const { target, ...asked } = models;
  for (const [name, { serve }] of Object.entries(asked as Readonly<Record<string, AskedModel>>)) {
    if (serve?.on !== undefined) check(serve.on, ['models', name, 'serve', 'on']);
  }
  const { tiny } = target;
  if (tiny !== undefined) check(tiny.on, ['models', 'target', 'tiny', 'on']);
}

function scoringFits({ evaluate: { score_on, without_sandbox } }: RecipeSections, complain: Complain): void {
  if (score_on === undefined || without_sandbox === undefined) return;
  complain(
    ['evaluate', 'without_sandbox'],
    'is for this machine only: where `score_on` names another, code runs in a sandbox',
  );
}

function suitesExist({ evaluate, collect, curate }: RecipeSections, complain: Complain): void {
  const own = Object.entries(evaluate.suites).flatMap(([name, { from }]) => (from === undefined ? [] : [name]));
  const known = [...new Set([...KNOWN_SUITES, ...own])];
  const check = (name: string, path: readonly (string | number)[], what?: 'key') => {
    if (!known.includes(name)) complain(path, `there is no suite "${shown(name)}" (${listed(known)})`, what);
  };
  for (const name of Object.keys(evaluate.suites)) check(name, ['evaluate', 'suites', name], 'key');
  for (const [index, name] of collect.decontaminate.entries()) check(name, ['collect', 'decontaminate', index]);
  for (const [index, name] of (curate.decontaminate ?? []).entries()) check(name, ['curate', 'decontaminate', index]);
}

function gatesNameSuites({ evaluate }: RecipeSections, complain: Complain): void {
  const form = `must be of the form suite.figure, of a suite that is evaluated (${listed(Object.keys(evaluate.suites))})`;
  for (const kind of ['min_gain', 'max_drop'] as const) {
    for (const name of Object.keys(evaluate.gates[kind])) {
      const path = ['evaluate', 'gates', kind, name];
      const dot = name.lastIndexOf('.');
      if (!Object.hasOwn(evaluate.suites, name.slice(0, dot))) complain(path, form, 'key');
      else if (!isRateName(name.slice(dot + 1))) complain(path, figures, 'key');
    }
  }
}

const figures =
  'there is no such figure (there are: func_at_1, func_sec_at_1, sec_ratio, sec_ratio_per_task, and more `_at_`)';

function publishFits({ publish, train, compute }: RecipeSections, complain: Complain): void {
  if (publish === undefined) return;
  const problem = publishProblem(publish);
  if (problem !== undefined) complain(['publish'], problem);
  if (train.method === 'full' && publish.push.includes('adapter')) {
    complain(['publish', 'push'], 'full fine-tuning makes no adapter; push `merged` instead');
  }
  const from = publish.on === undefined ? undefined : compute[publish.on];
  if (from !== undefined && !(from.secrets ?? []).includes('HF_TOKEN')) {
    complain(['publish', 'on'], 'uploads from there with a token: give that target `secrets: [HF_TOKEN]`');
  }
}

/** What the pinned packages do not have would fail hours later; an image may have it. */
function packagesAreThere({ train, compute }: RecipeSections, complain: Complain): void {
  const target = compute[train.on];
  if (target === undefined) return;
  const isCpu = deviceOf(target) === 'cpu';
  for (const { field, value, name, isThere } of demandsOf(train, train.trainer, target.container !== undefined)) {
    if (isThere !== 'no' && !isCpu) continue;
    const needs = `needs CUDA and ${name}, which the pinned packages do not have`;
    const place = `a target with a \`container\` whose image has both, and "${shown(train.on)}" is none`;
    complain(['train', field], `${value} ${needs}: \`train.on\` has to be ${place}`);
  }
}

/** The names there are, or as many as anybody reads. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return 'there is none';
  const more = names.length > maximumListed ? `, and ${names.length - maximumListed} more` : '';
  return `there are: ${names.slice(0, maximumListed).map(shown).join(', ')}${more}`;
}

const maximumListed = 12;

function shown(name: string): string {
  return clip(name, 60);
}

/** Those of another catalogue are known when it is read. */
function groupsExist({ catalogue, filter: { groups = [] } }: RecipeSections, complain: Complain): void {
  if (catalogue !== undefined) return;
  const known: readonly string[] = CWE_GROUPS;
  for (const [index, name] of groups.entries()) {
    if (known.includes(name)) continue;
    complain(['filter', 'groups', index], `there is no group "${shown(name)}" of weaknesses (${listed(known)})`);
  }
}
