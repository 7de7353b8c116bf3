import { SecpiError } from '../../base/errors.js';
import { type PortableRecipe, portableRecipe } from '../../export/portable-recipe.js';
import { type Recipe, recipeSchema } from '../../pipeline.js';
import type { CliEnvironment } from '../environment.js';
import { type RecipeMember, readMembers } from './recipe.js';
import { usedTargets } from './used-targets.js';

/** A recipe as another machine shall run it, and the environment variables that it needs there. */
export interface ExportedRecipe {
  readonly name: string;
  readonly portable: PortableRecipe;
  /** Sorted; values are nowhere in it. */
  readonly variables: readonly string[];
}

/** Which recipe, and what the command line says of the job. */
export interface ExportedChoice {
  readonly set: readonly string[];
  readonly member: readonly string[];
  readonly gpus: number;
  readonly secret: readonly string[];
}

/**
 * Reads a recipe that shall run as a whole on one machine of a cluster. Where GPUs are asked for, `device: auto` becomes `cuda`: a job
 * that finds none must not train on the CPU without a word.
 *
 * @throws RecipeError as for a run here; SecpiError `export/sweep`, `export/other-machine`, `export/bad-variable`, `export/secret-in-recipe`.
 */
export async function readExportedRecipe(
  path: string,
  { set, member, gpus, secret }: ExportedChoice,
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory' | 'redact'>,
): Promise<ExportedRecipe> {
  const first = await readOne(path, { set, member }, environment);
  const devices = usedTargets(first.value).flatMap((name) => {
    const { local, container } = first.value.compute[name] ?? {};
    if (local === undefined || container !== undefined) throw elsewhere(name);
    return gpus > 0 && local.device === 'auto' ? [`compute.${JSON.stringify(name)}.local.device=cuda`] : [];
  });
  const { value, written } =
    devices.length === 0 ? first : await readOne(path, { set: [...set, ...devices], member }, environment);
  const portable = portableRecipe({ schema: recipeSchema, written, value });
  if (environment.redact(portable.text) !== portable.text) {
    throw new SecpiError('export/secret-in-recipe', 'the recipe holds what looks like a key or a password', {
      hint: 'Name the environment variable that holds it (`api_key_env`, `${NAME}` in an endpoint), and it comes to the job from there.',
      exitCode: 2,
    });
  }
  const given = usedTargets(value).flatMap((name) => value.compute[name]?.secrets ?? []);
  const variables = [...new Set([...portable.variables, ...keysOf(value), ...given, ...secret])].sort();
  const odd = variables.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    const message = `no job can set an environment variable that is called ${JSON.stringify(odd.slice(0, 80))}`;
    throw new SecpiError('export/bad-variable', message, { exitCode: 2 });
  }
  return { name: value.name, portable, variables };
}

async function readOne(
  path: string,
  which: Pick<ExportedChoice, 'set' | 'member'>,
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory'>,
): Promise<RecipeMember> {
  const [recipe, ...others] = await readMembers(path, which, environment);
  if (others.length === 0) return recipe;
  throw new SecpiError('export/sweep', `the recipe stands for ${others.length + 1} runs, and a job is one run`, {
    hint: 'Choose one of them with `--member`; `secpi plan` shows their names.',
    exitCode: 2,
  });
}

function elsewhere(name: string): SecpiError {
  return new SecpiError(
    'export/other-machine',
    `the recipe uses the target "${name}", which is another machine or a container`,
    {
      hint: 'An exported job runs everything on its own node: `--set train.on=here`, and so for whatever else is `on` another one.',
      exitCode: 2,
    },
  );
}

/** What `api_key_env` names, and the Hub's token where something is pushed. */
function keysOf({ models, publish }: Recipe): readonly string[] {
  const { target: _target, ...asked } = models;
  const keys = Object.values(asked as Readonly<Record<string, { readonly api_key_env?: string | undefined }>>);
  return [
    ...keys.flatMap(({ api_key_env }) => (api_key_env === undefined ? [] : [api_key_env])),
    ...(publish?.repo === undefined && publish?.dataset_repo === undefined ? [] : ['HF_TOKEN']),
  ];
}
