import { SecpiError } from '../../base/errors.js';
import { type PortableRecipe, portableRecipe } from '../../export/portable-recipe.js';
import { portableSweep } from '../../export/portable-sweep.js';
import { type Recipe, recipeSchema } from '../../pipeline.js';
import type { CliEnvironment } from '../environment.js';
import { type RecipeMembers, readSweep } from './recipe.js';
import { refuseSameDestination } from './same-destination.js';
import { usedTargets } from './used-targets.js';

/** A recipe as another machine shall run it, and the environment variables that it needs there. */
export interface ExportedRecipe {
  readonly name: string;
  readonly portable: PortableRecipe;
  /** Those of its members that shall run, as they are called there; none where the recipe is one run. */
  readonly members: readonly string[];
  /** Sorted; values are nowhere in it. */
  readonly variables: readonly string[];
}

/** Which recipe, and what the command line says of the job. */
export interface ExportedChoice {
  readonly set: readonly string[];
  readonly member: readonly string[];
  readonly gpus: number;
  readonly secret: readonly string[];
  /** Whether several runs can be one job. */
  readonly sweeps: boolean;
}

/**
 * Reads a recipe that shall run as a whole on one machine of a cluster, or each of its members on one. Where GPUs are asked for,
 * `device: auto` becomes `cuda`: a job that finds none must not train on the CPU without a word.
 *
 * @throws RecipeError as for a run here; SecpiError `export/sweep`, `export/other-machine`, `export/bad-variable`, `export/secret-in-recipe`,
 * `export/bad-matrix`, `cli/same-destination`.
 */
export async function readExportedRecipe(
  path: string,
  { set, member, gpus, secret, sweeps }: ExportedChoice,
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory' | 'redact'>,
): Promise<ExportedRecipe> {
  const first = await readSweep(path, { set, member }, environment);
  if (!sweeps) refuseSweep(first.chosen);
  const devices = new Set(first.chosen.flatMap(({ value }) => devicesOf(value, gpus)));
  const { sweep, chosen } =
    devices.size === 0 ? first : await readSweep(path, { set: [...set, ...devices], member }, environment);
  const [{ value, written }, ...others] = chosen;
  refuseSameDestination(chosen, { set, member, only: [], force: [] });
  const schema = recipeSchema;
  const whole = others.length > 0 ? portableSweep({ schema, ...sweep }) : undefined;
  const portable = whole ?? portableRecipe({ schema, written, value });
  const members = whole?.members.filter((_, index) => chosen.some((one) => one === sweep.members[index])) ?? [];
  if (environment.redact(portable.text) !== portable.text) {
    throw new SecpiError('export/secret-in-recipe', 'the recipe holds what looks like a key or a password', {
      hint: 'Name the environment variable that holds it (`api_key_env`, `${NAME}` in an endpoint), and it comes to the job from there.',
      exitCode: 2,
    });
  }
  const read = chosen.flatMap((one) => [...keysOf(one.value), ...secretsOf(one.value)]);
  const variables = [...new Set([...portable.variables, ...read, ...secret])].sort();
  const odd = variables.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    const message = `no job can set an environment variable that is called ${JSON.stringify(odd.slice(0, 80))}`;
    throw new SecpiError('export/bad-variable', message, { exitCode: 2 });
  }
  return { name: value.name, portable, members, variables };
}

function refuseSweep({ length }: RecipeMembers): void {
  if (length === 1) return;
  throw new SecpiError('export/sweep', `the recipe stands for ${length} runs, and a job is one run`, {
    hint: 'Choose one of them with `--member`; `secpi plan` shows their names.',
    exitCode: 2,
  });
}

/** What has to be set so that nothing that shall run on a GPU runs without one. Throws for targets that are not the node itself. */
function devicesOf(value: Recipe, gpus: number): readonly string[] {
  return usedTargets(value).flatMap((name) => {
    const { local, container } = value.compute[name] ?? {};
    if (local === undefined || container !== undefined) throw elsewhere(name);
    return gpus > 0 && local.device === 'auto' ? [`compute.${JSON.stringify(name)}.local.device=cuda`] : [];
  });
}

function secretsOf(value: Recipe): readonly string[] {
  return usedTargets(value).flatMap((name) => value.compute[name]?.secrets ?? []);
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
