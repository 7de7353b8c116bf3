/**
 * `npx tsx scripts/recipe-plans.ts`: writes into each recipe, between `# <plan>` and `# </plan>`, what `secpi plan` says of its training before
 * anything is there. A test compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';
import { wrapped } from '../src/cli/views/format.js';
import { hardwareOf } from '../src/compute/hardware.js';
import { type Recipe, recipeSchema } from '../src/pipeline.js';
import { loadRecipe } from '../src/recipe/load-recipe.js';
import { KNOWN_MODELS } from '../src/stages/train/estimate/model/known-models.js';
import { readModelShape } from '../src/stages/train/estimate/model/model-shape.js';
import { planLines } from '../src/stages/train/estimate/plan-lines.js';
import { planTraining } from '../src/stages/train/estimate/plan-training.js';

/** Recipes with a plan, relative to the package. */
export function plannedRecipes(): readonly string[] {
  return readdirSync(join(packageRoot, 'recipes'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('recipes', name))
    .filter((path) => path.endsWith('.yaml') && readFileSync(join(packageRoot, path), 'utf8').includes('# <plan>'))
    .sort();
}

const WIDTH = 138;

/** What a recipe should be. */
export async function withPlan(path: string): Promise<string> {
  const { value } = await loadRecipe({
    path,
    schema: recipeSchema,
    environment: {},
    workingDirectory: packageRoot,
    standIns: true,
  });
  const comment = linesOf(value)
    .flatMap((line) => wrapped(line, WIDTH).map((part, index) => (index === 0 ? part : `  ${part}`)))
    .map((line) => `# ${line}\n`);
  const text = readFileSync(join(packageRoot, path), 'utf8');
  return text.replace(/# <plan>\n[\s\S]*?# <\/plan>\n/, `# <plan>\n${comment.join('')}# </plan>\n`);
}

function linesOf({ models, train, compute }: Recipe): readonly string[] {
  const { model } = models.target;
  const target = compute[train.on];
  const config = KNOWN_MODELS.get(model);
  if (target === undefined || config === undefined) throw new Error(`${model} on ${train.on} cannot be planned`);
  const plan = planTraining(readModelShape(config), train, hardwareOf(target), undefined);
  if (plan.fit === 'no') throw new Error(`${model} on ${train.on} does not fit`);
  return planLines(plan, model);
}

if (process.argv[1] === import.meta.filename) {
  for (const path of plannedRecipes()) writeFileSync(join(packageRoot, path), await withPlan(path));
}
