import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { readExportedRecipe } from '../../../src/cli/recipes/exported-recipe.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const variables = {
  'A-B': 'http://x.example/v1',
  URL: 'http://user:canary@x.example/v1',
  MODEL_KEY: 'canary-model-key',
};

const sections = {
  name: 'r',
  models: {
    target: { model: 'a/b' },
    classifier: { model: 'c', endpoint: '${URL}', api_key_env: 'MODEL_KEY' },
    teacher: { model: 't', api_key_env: 'TEACHER_KEY' },
  },
  collect: { sources: [{ hub: 'a/b' }] },
  train: { epochs: 1 },
  evaluate: { suites: { mini: {} } },
};

async function exported(
  more: object = {},
  options: { readonly gpus?: number; readonly secret?: readonly string[] } = {},
) {
  await using folder = await temporaryFolder();
  const path = await folder.write('recipe.yaml', JSON.stringify({ ...sections, ...more }));
  const environment = { variables, workingDirectory: folder.path, redact: createRedactor(variables) };
  return await readExportedRecipe(
    path,
    { set: [], member: [], gpus: 0, secret: [], sweeps: false, ...options },
    environment,
  );
}

const teacherAt = (endpoint: string) => ({ models: { ...sections.models, teacher: { model: 't', endpoint } } });

describe('a recipe that is exported', () => {
  it('names every variable that its run reads', async () => {
    expect((await exported()).variables).toEqual(['MODEL_KEY', 'TEACHER_KEY', 'URL']);
    const publish = { repo: 'a/b' };
    expect((await exported({ publish }, { secret: ['MORE', 'URL'] })).variables).toEqual([
      'HF_TOKEN',
      'MODEL_KEY',
      'MORE',
      'TEACHER_KEY',
      'URL',
    ]);
    expect((await exported({ publish: { folder: 'x' } })).variables).not.toContain('HF_TOKEN');
  });

  it('trains on no CPU in silence where a GPU was asked for', async () => {
    const text = async (more: object, gpus: number) => (await exported(more, { gpus })).portable.text;
    expect(await text({}, 1)).toContain('device: cuda');
    expect(await text({}, 0)).not.toContain('device');
    const compute = { 'a.b "c"': { local: { threads: 2 } }, other: { ssh: { host: 'far', python: '/p' } } };
    const named = await text({ compute, train: { epochs: 1, on: 'a.b "c"' } }, 1);
    expect(named).toContain('threads: 2\n      device: cuda');
    // What was decided stays decided.
    expect(await text({ compute: { here: { local: { device: 'cpu' } } } }, 1)).toContain('device: cpu');
  });

  it.each([
    [
      'uses another machine',
      { train: { epochs: 1, on: 'far' }, compute: { far: { ssh: { host: 'far', python: '/p' } } } },
      'other-machine',
    ],
    ['holds a password', teacherAt('https://me:canary-1@x.example/v1'), 'secret-in-recipe'],
    ['holds the value of a secret', { description: 'we use canary-model-key' }, 'secret-in-recipe'],
    ['reads a variable that no shell can set', teacherAt('${A-B}'), 'bad-variable'],
  ])('is refused when it %s', async (_what, more, code) => {
    const error: unknown = await exported(more).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: `export/${code}`, exitCode: 2 });
    expect(String(error)).not.toContain('canary');
  });
});
