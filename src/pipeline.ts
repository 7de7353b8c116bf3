import * as z from 'zod';
import { targetSchema } from './compute/target.js';
import { buildGraph, type Graph, type GraphNode, graphNode } from './engine/flow/graph.js';
import { modelSpecSchema } from './models/model-spec.js';
import { inputPath } from './recipe/field.js';
import { matrixSchema } from './recipe/matrix.js';
import { base, baseParams } from './stages/base/base.js';
import { collect, collectParams } from './stages/collect/collect.js';
import { curate } from './stages/curate/curate.js';
import { curateParams } from './stages/curate/params.js';
import { evaluate, evaluateParams } from './stages/evaluate/evaluate.js';
import { filter, filterParams } from './stages/filter/filter.js';
import { gatesSchema } from './stages/publish/gate-params.js';
import { publish, publishParams } from './stages/publish/publish.js';
import { checkRecipeRules } from './stages/recipe-rules.js';
import { report, reportParams } from './stages/report/report.js';
import type { StageServices } from './stages/services.js';
import { trace, traceParams } from './stages/trace/trace.js';
import { train, trainParams } from './stages/train/train.js';

/** The recipe: one key per stage, in the order they run, and what they share. */
const sections = z.strictObject({
  /** Another recipe that this one changes. */
  extends: z.string().optional(),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower-case letters, digits, dots and dashes'),
  /** What the recipe is for; stands at the top of the report. */
  description: z.string().optional(),
  /** Runs that this recipe stands for: for each path, as in `--set`, the values that it takes; one run for every combination. */
  matrix: matrixSchema.optional(),
  seed: z.number().int().nonnegative().default(0),
  /** A folder with another catalogue of what to look for, and the prompts that go with it; default: the weaknesses that secpi knows. */
  catalogue: inputPath().optional(),
  models: z.object({ target: baseParams }).catchall(modelSpecSchema),
  collect: collectParams,
  filter: filterParams.prefault({}),
  trace: traceParams.prefault({}),
  curate: curateParams.prefault({}),
  train: trainParams,
  evaluate: evaluateParams.extend({ gates: gatesSchema.prefault({}) }),
  report: reportParams.prefault({}),
  publish: publishParams.omit({ gates: true }).optional(),
  compute: z.record(z.string(), targetSchema).default({ here: { local: { device: 'auto' } } }),
});
export type Recipe = z.infer<typeof sections>;

/** The recipe's schema: every section, and what they must agree on. */
export const recipeSchema = sections.superRefine(checkRecipeRules);

/**
 * The whole flow on one page:
 *
 *     collect → filter → trace → curate ─┐
 *                          base (model) ─┴→ train → evaluate → report → publish
 */
export function pipelineOf(recipe: Recipe): Graph<StageServices> {
  const { gates, ...evaluation } = recipe.evaluate;
  const { decontaminate = recipe.collect.decontaminate, mix } = recipe.curate;
  const evaluated = Object.keys(evaluation.suites);
  const nodes: GraphNode<StageServices>[] = [
    graphNode({ name: 'collect', stage: collect, params: recipe.collect, inputs: {} }),
    graphNode({ name: 'filter', stage: filter, params: recipe.filter, inputs: { tasks: 'collect' } }),
    graphNode({ name: 'trace', stage: trace, params: recipe.trace, inputs: { tasks: 'filter' } }),
    graphNode({
      name: 'curate',
      stage: curate,
      params: {
        ...recipe.curate,
        decontaminate,
        evaluated,
        mix: mix && { ...mix, deny_licences: mix.deny_licences ?? recipe.collect.deny_licences },
      },
      inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
    }),
    graphNode({ name: 'base', stage: base, params: recipe.models.target, inputs: {} }),
    graphNode({ name: 'train', stage: train, params: recipe.train, inputs: { base: 'base', samples: 'curate' } }),
    graphNode({ name: 'evaluate', stage: evaluate, params: evaluation, inputs: { base: 'base', tuned: 'train' } }),
    graphNode({
      name: 'report',
      stage: report,
      params: { ...recipe.report, recipe: recipe.name, description: recipe.description },
      inputs: {
        tasks: 'collect',
        relevant: 'filter',
        traces: 'trace',
        samples: 'curate',
        base: 'base',
        trained: 'train',
        scores: 'evaluate',
      },
    }),
  ];
  if (recipe.publish !== undefined) {
    nodes.push(
      graphNode({
        name: 'publish',
        stage: publish,
        params: { ...recipe.publish, gates },
        inputs: { samples: 'curate', trained: 'train', scores: 'evaluate', report: 'report' },
      }),
    );
  }
  return buildGraph(nodes);
}
