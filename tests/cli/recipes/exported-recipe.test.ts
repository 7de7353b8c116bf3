import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { type ExportedChoice, readExportedRecipe } from '../../../src/cli/recipes/exported-recipe.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const variables = {
  'A-B': 'http://x.example/v1',
  URL: 'http://user:canary@x.example/v1',
  MODEL_KEY: 'canary-model-key',
  MORE_URL: 'http://y.example/v1',
};

const sections = {
  name: 'r',
  models: {
    target: { model: 'a/b' },
    classifier: { model: 'c', endpoint: '${URL}', api_key_env: 'MODEL_KEY' },
    teacher: { model: 't', endpoint: 'http://127.0.0.1:9/v1', api_key_env: 'TEACHER_KEY' },
  },
  collect: { sources: [{ hub: 'a/b' }] },
  train: { epochs: 1 },
  evaluate: { suites: { mini: {} } },
};

async function exported(
  more: object = {},
  options: Partial<Pick<ExportedChoice, 'gpus' | 'secret' | 'member' | 'sweeps'>> = {},
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

  it('can be several runs where one job can, each with what it reads and nothing without a GPU', async () => {
    const compute = { here: { local: {} }, other: { local: { threads: 2 }, secrets: ['GIVEN_KEY'] } };
    const matrix = {
      'train.on': ['here', 'other'],
      'models.teacher': [{}, { endpoint: '${MORE_URL}', api_key_env: 'MORE_KEY' }],
    };
    const more = { compute, matrix };
    const all = await exported(more, { sweeps: true, gpus: 1 });
    expect(all.members).toEqual([
      'train.on=here,models.teacher=#1',
      'train.on=here,models.teacher=#2',
      'train.on=other,models.teacher=#1',
      'train.on=other,models.teacher=#2',
    ]);
    expect(all.variables).toEqual(['GIVEN_KEY', 'MODEL_KEY', 'MORE_KEY', 'MORE_URL', 'TEACHER_KEY', 'URL']);
    expect(all.portable.text.match(/device: cuda/g)).toHaveLength(2);

    // The whole recipe is read by each, and each key by whom it is for.
    const member = ['train.on=here,models.teacher=#2', 'train.on=here,models.teacher=#1'];
    const some = await exported(more, { sweeps: true, member });
    expect(some.members).toEqual(member.toReversed());
    expect(some.variables).toEqual(['MODEL_KEY', 'MORE_KEY', 'MORE_URL', 'TEACHER_KEY', 'URL']);
    const one = await exported(more, { sweeps: true, member: [member[1] ?? ''] });
    expect([one.members, one.variables]).toEqual([[], ['MODEL_KEY', 'TEACHER_KEY', 'URL']]);
    expect(one.portable.text).not.toContain('matrix');
  });

  it.each([
    ['is several runs and one job cannot', { matrix: { seed: [1, 2] } }, 'export/sweep', {}],
    [
      'publishes several runs to one place',
      { matrix: { seed: [1, 2] }, publish: { folder: 'x' } },
      'cli/same-destination',
      { sweeps: true },
    ],
    [
      'uses another machine in one of its members',
      {
        compute: { here: { local: {} }, far: { ssh: { host: 'far', python: '/p' } } },
        matrix: { 'train.on': ['here', 'far'] },
      },
      'export/other-machine',
      { sweeps: true },
    ],
    [
      'uses another machine',
      { train: { epochs: 1, on: 'far' }, compute: { far: { ssh: { host: 'far', python: '/p' } } } },
      'export/other-machine',
      {},
    ],
    ['holds a password', teacherAt('https://me:canary-1@x.example/v1'), 'export/secret-in-recipe', {}],
    ['holds the value of a secret', { description: 'we use canary-model-key' }, 'export/secret-in-recipe', {}],
    ['reads a variable that no shell can set', teacherAt('${A-B}'), 'export/bad-variable', {}],
  ])('is refused when it %s', async (_what, more, code, options) => {
    const error: unknown = await exported(more, options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, exitCode: 2 });
    expect(String(error)).not.toContain('canary');
  });
});
