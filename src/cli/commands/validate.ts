import { SecpiError } from '../../base/errors.js';
import { pipelineOf } from '../../pipeline.js';
import { repeatedIn } from '../../stages/repeated-samples.js';
import { loadSuite, suiteOrigin } from '../../suites/registry.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import { namesOf, type RecipeMembers, readMembers } from '../recipes/recipe.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { oneLine } from '../views/printable.js';

/** `secpi validate`: everything that can be checked without running anything. */
export async function validateCommand(
  path: string,
  options: OutputOptions & { readonly set: readonly string[] },
  environment: CliEnvironment,
): Promise<number> {
  const members = await readMembers(path, options, environment);
  const [recipe] = members;
  const graph = pipelineOf(recipe.value);
  const suites = members.flatMap(({ value }) => Object.entries(value.evaluate.suites));
  const origins = new Map(suites.map(([suite, { from }]) => [JSON.stringify([suite, from]), { suite, from }]));
  const notes = [...new Set(members.flatMap(({ value }) => repeatedIn(value)))];
  for (const { suite, from } of origins.values()) {
    try {
      await loadSuite(suite, suiteOrigin(suite, from), { cacheFolder: environment.cache });
    } catch (error) {
      // That is no fault of the recipe's.
      if (!(error instanceof SecpiError && error.code === 'suites/not-set-up')) throw error;
      notes.push([error.message, error.hint].filter((part) => part !== undefined).join('; '));
    }
  }
  const stages = graph.nodes.map((node) => node.name);
  const { name } = recipe.value;
  if (options.json === true) {
    const matrix = recipe.member === '' ? {} : { members: members.map(({ member }) => member) };
    writeJson(
      {
        type: 'valid',
        recipe: name,
        sha256: recipe.sha256,
        files: recipe.files,
        stages,
        ...matrix,
        ...(notes.length > 0 ? { notes } : {}),
      },
      environment,
    );
  } else {
    environment.stdout.write(`${path} is a valid recipe: ${name} (${stages.join(' → ')})\n`);
    for (const note of notes) environment.stdout.write(`note: ${note}\n`);
    if (recipe.member !== '') environment.stdout.write(matrixText(members));
  }
  return 0;
}

function matrixText(members: RecipeMembers): string {
  const axes = Object.keys(members[0].labels).map((axis) => {
    const values = new Set(members.map(({ labels }) => labels[axis])).size;
    return `${oneLine(axis, 80)} (${values})`;
  });
  const count = members.length === 1 ? '1 member' : `${members.length} members`;
  return `its matrix has ${count}, ${axes.join(' × ')}: ${oneLine(namesOf(members))}\n`;
}
