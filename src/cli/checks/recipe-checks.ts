import type { Means } from '../../compute/open-target.js';
import type { ModelSpec } from '../../models/model-spec.js';
import type { Recipe } from '../../pipeline.js';
import type { PackageSet } from '../../setup/pinned-packages.js';
import { findPythonEnvironment, hasNvidiaGpu } from '../../setup/python-environment.js';
import type { CliEnvironment } from '../environment.js';
import { readMembers } from '../recipes/recipe.js';
import type { Check } from './check.js';
import { checkTrainingOf } from './training-checks.js';

/**
 * What a recipe needs beyond the machine itself: keys, GPUs, a token, what its training is to be told. Asks no server. Throws the signal's
 * reason.
 */
export async function checkRecipe(
  path: string,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const members = await readMembers(path, { set: [] }, environment);
  const { cache, variables } = environment;
  const python = (packages?: PackageSet) => findPythonEnvironment(cache, packages);
  const means: Means = { python, variables, answers: new Map() };
  const checks: Check[] = [];
  for (const { value } of members) {
    checks.push(...checkMember(value, environment), ...(await checkTrainingOf(value, means, signal)));
  }
  return eachOnce(checks);
}

/** The members of a matrix mostly need the same. */
export function eachOnce(checks: readonly Check[]): readonly Check[] {
  return [...new Map(checks.map((check) => [`${check.name}: ${check.detail}`, check])).values()];
}

function checkMember(value: Recipe, { variables }: CliEnvironment): readonly Check[] {
  const { target: _target, ...asked } = value.models;
  const checks: Check[] = Object.entries(asked as Readonly<Record<string, ModelSpec>>).map(([name, spec]) =>
    checkModel(name, spec, variables),
  );
  for (const [name, { local }] of Object.entries(value.compute)) {
    if (local?.device !== 'cuda') continue;
    const there = hasNvidiaGpu();
    checks.push({
      name: `compute ${name}`,
      state: there ? 'ok' : 'missing',
      detail: there ? 'a GPU is there' : 'the recipe asks for cuda, and there is no NVIDIA GPU',
      ...(there ? {} : { advice: `Set compute.${name}.local.device to auto, or run it on another machine.` }),
      required: true,
    });
  }
  const { publish } = value;
  if (publish?.repo !== undefined || publish?.dataset_repo !== undefined) {
    const there = variables.HF_TOKEN !== undefined && variables.HF_TOKEN !== '';
    checks.push({
      name: 'publish',
      state: there ? 'ok' : 'missing',
      detail: there ? 'HF_TOKEN is set' : 'the recipe publishes to the Hub, and HF_TOKEN is not set',
      ...(there ? {} : { advice: 'Export HF_TOKEN, or set `publish.folder` only.' }),
      required: true,
    });
  }
  return checks;
}

function checkModel(name: string, spec: ModelSpec, variables: CliEnvironment['variables']): Check {
  const label = `model ${name}`;
  const { api_key_env: key } = spec;
  if (key !== undefined && (variables[key] ?? '') === '') {
    const advice = `Export ${key}.`;
    return { name: label, state: 'missing', detail: `its key ${key} is not set`, advice, required: true };
  }
  if (spec.endpoint === undefined && spec.replay === undefined && spec.serve === undefined) {
    // A recipe with a stage that asks it would be none.
    const advice = `Give models.${name} an \`endpoint\`, a \`serve\` or a \`replay\` before a stage asks it.`;
    return {
      name: label,
      state: 'missing',
      detail: 'there is nobody to ask, and no stage does',
      advice,
      required: false,
    };
  }
  const from = [
    ...(spec.replay === undefined ? [] : ['a recording']),
    ...(spec.endpoint === undefined ? [] : ['an endpoint']),
    ...(spec.serve === undefined ? [] : [`${spec.serve.engine} on ${spec.serve.on ?? 'this machine'}`]),
  ];
  const withKey = key === undefined ? '' : `, ${key} is set`;
  return { name: label, state: 'ok', detail: `${from.join(', then ')}${withKey}`, required: true };
}
