import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../src/base/package-root.js';
import { openServices } from '../src/cli/services.js';
import { pythonIdentity } from '../src/compute/python-identity.js';
import { isSeeded, NodeResolver } from '../src/engine/flow/resolve-node.js';
import { stateDirectory } from '../src/engine/state-directory.js';
import { pipelineOf, type Recipe, recipeSchema } from '../src/pipeline.js';
import { loadRecipe } from '../src/recipe/load-recipe.js';
import type { SandboxFacts } from '../src/sandbox/sandbox-facts.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** The quickstart's recipe, with some of it changed. */
async function quickstart(...overrides: readonly string[]): Promise<Recipe> {
  const path = join(packageRoot, 'recipes', 'quickstart.yaml');
  const options = { path, schema: recipeSchema, environment: {}, workingDirectory: packageRoot };
  return (await loadRecipe({ ...options, overrides })).value;
}

const FROM_HUB = ['models.target.model=org/model', 'models.target.tiny=null'];

describe('the seed', () => {
  const seeded = (recipe: Recipe) =>
    pipelineOf(recipe)
      .nodes.filter(isSeeded)
      .map(({ name }) => name);

  it('is part of what is built and trained, and of nothing else: another one buys no answer again', async () => {
    expect(seeded(await quickstart())).toEqual(['base', 'train']);
  });

  it('is no part of a model that is only fetched', async () => {
    expect(seeded(await quickstart(...FROM_HUB))).toEqual(['train']);
  });
});

describe('the gate before the training', () => {
  it('looks for every suite that the recipe evaluates, whatever it decontaminates', async () => {
    const recipe = await quickstart('evaluate.suites.humaneval-plus={}', 'collect.decontaminate=[cweval]');
    const curate = pipelineOf(recipe).nodes.find(({ name }) => name === 'curate');
    expect(curate?.params).toMatchObject({ evaluated: ['mini', 'humaneval-plus'], decontaminate: ['cweval'] });
  });
});

describe('a mix', () => {
  const mix = 'curate.mix={share: 0.2, sources: [{hub: org/ordinary}]}';

  it('is drawn by the seed, and takes no licence that the tasks may not have, unless it says so itself', async () => {
    const denied = async (...overrides: readonly string[]) => {
      const { nodes } = pipelineOf(await quickstart(mix, 'collect.deny_licences=[cc-by-nc]', ...overrides));
      const curate = nodes.find(({ name }) => name === 'curate');
      return [curate?.params, curate !== undefined && isSeeded(curate)];
    };
    expect(await denied()).toMatchObject([{ mix: { share: 0.2, deny_licences: ['cc-by-nc'] } }, true]);
    expect(await denied('curate.mix.deny_licences=[]')).toMatchObject([{ mix: { deny_licences: [] } }, true]);
  });
});

describe('what computes', () => {
  const facts: SandboxFacts = {
    level: {
      kind: 'none',
      version: '',
      network: 'host',
      seccomp: false,
      unprivileged: true,
      memory: 'per-process',
      notes: [],
    },
    toolchains: {},
    packs: {},
  };

  /** The environment among the pins of the stages that have one, as the command line's services tell it. */
  async function environments(recipe: Recipe) {
    await using folder = await temporaryFolder();
    const state = stateDirectory(join(folder.path, 'state'));
    const { stdout, stderr } = process;
    const services = openServices(recipe, {
      ...{ variables: {}, workingDirectory: folder.path, state, cache: folder.path, version: '0.0.0', stdout, stderr },
      redact: (text) => text,
    });
    const { signal } = new AbortController();
    const told = { ...services, sandboxFacts: async () => facts };
    const resolver = new NodeResolver({ state, seed: recipe.seed, services: told, signal });
    const found: Record<string, unknown> = {};
    for (const node of pipelineOf(recipe).nodes) {
      const { pins } = await resolver.preimage(node, {});
      if ('environment' in pins) found[node.name] = pins.environment;
    }
    return found;
  }

  it('is pinned by every stage that runs our Python code: packages, code and kind of device', async () => {
    const here = await pythonIdentity('auto');
    expect(await environments(await quickstart())).toEqual({ base: here, train: here, evaluate: here });
  });

  it('is pinned as the machine that the recipe names for it', async () => {
    const [here, elsewhere] = await Promise.all([pythonIdentity('auto'), pythonIdentity('cuda')]);
    const recipe = await quickstart('compute.here.local.device=cuda');
    expect(await environments(recipe)).toEqual({ base: elsewhere, train: elsewhere, evaluate: here });
  });
});
