import { describe, expect, it } from 'vitest';
import { recipeSchema } from '../../src/pipeline.js';
import { complaintsOf } from '../../src/recipe/issue-diagnostics.js';

const endpoint = 'http://127.0.0.1:9/v1';

/** A recipe with nothing in it but what has to be, and what a test puts on top. */
function issues(more: {
  readonly catalogue?: string;
  readonly models?: object;
  readonly filter?: object;
  readonly trace?: object;
  readonly curate?: object;
  readonly evaluate?: object;
  readonly train?: object;
  readonly compute?: object;
  readonly publish?: object;
}) {
  const { models, ...sections } = more;
  const result = recipeSchema.safeParse({
    name: 'a',
    models: {
      target: { model: 'a/b' },
      classifier: { model: 'c', endpoint },
      teacher: { model: 't', endpoint },
      ...models,
    },
    collect: { sources: [{ hub: 'a/b' }] },
    train: { epochs: 1 },
    evaluate: { suites: { mini: {} } },
    ...sections,
  });
  return result.error?.issues ?? [];
}

function messages(more: Parameters<typeof issues>[0]) {
  return issues(more).map(({ path, message }) => `${path.join('/')}: ${message}`);
}

describe('the rules of a recipe', () => {
  it('know the groups of the weaknesses, but not those of another catalogue', () => {
    expect(messages({ filter: { groups: ['memory', 'privacy'] } })).toEqual([
      'filter/groups/1: there is no group "privacy" of weaknesses (there are: injection, path, memory, crypto, credentials, access, deserialisation, resources)',
    ]);
    expect(messages({ catalogue: 'catalogue/privacy', filter: { groups: ['passing-on'] } })).toEqual([]);
  });

  it('want an analyser to be named where the filter of analysers is switched on', () => {
    const on = { filters: { analysers: true } };
    const said = ['curate/filters/analysers: is on, and `curate.analysers` names none: `{ bandit: {} }`, say'];
    expect(messages({ curate: on })).toEqual(said);
    expect(messages({ curate: { ...on, analysers: {} } })).toEqual(said);
    expect(messages({ curate: { ...on, analysers: { bandit: {} } } })).toEqual([]);
  });

  it('name what there is to choose from', () => {
    expect(messages({})).toEqual([]);
    expect(messages({ filter: { by: 'nobody' } })).toEqual([
      'filter/by: there is no model "nobody" under `models` (there are: classifier, teacher)',
    ]);
  });

  it('name a dozen where there are many, and a name as far as it can be read', () => {
    const models = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`m${index}`, { model: 'a' }]));
    expect(messages({ models, filter: { by: 'x'.repeat(1000) } })).toEqual([
      `filter/by: there is no model "${'x'.repeat(60)}…" under \`models\` (there are: classifier, teacher, ` +
        'm0, m1, m2, m3, m4, m5, m6, m7, m8, m9, and 20 more)',
    ]);
  });

  it('have somebody answer for each model that is asked, and for no other', () => {
    const teacher = { model: 't' };
    const needs = 'give an `endpoint`, a `replay` of recorded answers, or `serve`';
    expect(messages({ models: { teacher } })).toEqual([
      `models/teacher: nobody would answer, and \`trace\` asks it: ${needs}`,
    ]);
    expect(messages({ models: { teacher }, filter: { by: 'teacher' } })).toEqual([
      `models/teacher: nobody would answer, and \`filter\` and \`trace\` ask it: ${needs}`,
    ]);
    const judge = (by: string) => ({ curate: { judge: { by } } });
    expect(messages({ models: { teacher }, filter: { by: 'teacher' }, ...judge('teacher') })).toEqual([
      `models/teacher: nobody would answer, and \`filter\` and \`trace\` and \`curate\` ask it: ${needs}`,
    ]);
    expect(messages({ models: { small: { model: 's' } }, ...judge('small') })).toEqual([
      `models/small: nobody would answer, and \`curate\` asks it: ${needs}`,
    ]);
    expect(messages(judge('nobody'))).toEqual([
      'curate/judge/by: there is no model "nobody" under `models` (there are: classifier, teacher)',
    ]);
    const revision = 'a'.repeat(40);
    for (const answers of [
      { replay: 'answers.jsonl' },
      { endpoint },
      { revision, serve: { engine: 'vllm', version: '0.33.0' } },
    ])
      expect(messages({ models: { teacher: { ...teacher, ...answers } } })).toEqual([]);
    expect(messages({ models: { spare: { model: 's' } } })).toEqual([]);
    expect(issues({ models: { teacher } })).toMatchObject([{ params: { what: 'key' } }]);
  });

  it('know only targets that there are', () => {
    const serve = { engine: 'vllm', version: '0.33.0', on: 'gpu' };
    const teacher = { model: 't', revision: 'a'.repeat(40), serve };
    expect(messages({ models: { teacher }, evaluate: { suites: { mini: {} }, on: 'far' } })).toEqual([
      'evaluate/on: there is no "far" under `compute` (there are: here)',
      'models/teacher/serve/on: there is no "gpu" under `compute` (there are: here)',
    ]);
  });

  it('score code unprotected on this machine only', () => {
    const evaluate = {
      suites: { mini: {} },
      score_on: 'far',
      without_sandbox: 'i-accept-running-model-code-unprotected',
    };
    expect(messages({ evaluate })).toEqual([
      'evaluate/score_on: there is no "far" under `compute` (there are: here)',
      'evaluate/without_sandbox: is for this machine only: where `score_on` names another, code runs in a sandbox',
    ]);
  });

  it('know where QLoRA can run', () => {
    const train = { epochs: 1, method: 'qlora', on: 'box' };
    const container = { engine: 'podman', image: `sha256:${'a'.repeat(64)}` };
    const refused = [
      'train/method: qlora needs CUDA and bitsandbytes, which the pinned packages do not have: `train.on` has to be a target with a ' +
        '`container` whose image has both, and "box" is none',
    ];
    expect(messages({ train, compute: { box: { local: {} } } })).toEqual(refused);
    expect(messages({ train, compute: { box: { local: { device: 'cuda' } } } })).toEqual(refused);
    expect(messages({ train, compute: { box: { local: { device: 'cpu' }, container } } })).toEqual(refused);
    expect(messages({ train, compute: { box: { local: {}, container } } })).toEqual([]);
    expect(messages({ train: { ...train, method: 'lora' }, compute: { box: { local: {} } } })).toEqual([]);
  });

  it.each([
    ['optimizer', 'adamw_8bit', 'bitsandbytes', true],
    ['loss', 'liger', 'liger-kernel', true],
    ['attention', 'flash_attention_2', 'flash-attn', false],
  ])(
    'know what %s: %s takes besides the pinned packages, and what Axolotl brings',
    (field, value, name, isAxolotls) => {
      const train = { epochs: 1, [field]: value, on: 'box' };
      const compute = { box: { local: { device: 'cuda' } } };
      const [complaint, ...more] = messages({ train, compute });
      expect(complaint).toMatch(new RegExp(`^train/${field}: ${value} needs CUDA and ${name}, which`));
      expect(more).toEqual([]);
      expect(messages({ train: { ...train, trainer: 'axolotl' }, compute })).toHaveLength(isAxolotls ? 0 : 1);
      expect(
        messages({ train: { ...train, trainer: 'axolotl' }, compute: { box: { local: { device: 'cpu' } } } }),
      ).toHaveLength(1);
    },
  );

  it('keep traces of a teacher that was told nothing by their shape alone', () => {
    const trace = { prompt: 'none' };
    expect(messages({ trace })).toEqual([
      expect.stringMatching(/^curate\/profile: must be shape with `trace.prompt: none`/),
    ]);
    expect(messages({ trace, curate: { profile: 'shape' } })).toEqual([]);
  });

  it('let only a target upload that there is, and that gets a token', () => {
    const publish = { repo: 'org/tuned', push: ['merged'], on: 'box' };
    const here = { local: {} };
    const box = { ...here, secrets: ['HF_TOKEN'] };
    expect(messages({ publish })).toEqual(['publish/on: there is no "box" under `compute` (there are: here)']);
    expect(messages({ publish, compute: { here, box: here } })).toEqual([
      'publish/on: uploads from there with a token: give that target `secrets: [HF_TOKEN]`',
    ]);
    expect(messages({ publish, compute: { here, box } })).toEqual([]);
    expect(messages({ publish: { ...publish, push: ['report'] }, compute: { here, box } })).toEqual([
      'publish: `on` says where merged weights are uploaded from: give `repo`, and name `merged` under `push`',
    ]);
  });

  it('know only suites that are evaluated, and no built-in property', () => {
    const gates = { min_gain: { 'mini.func_at_1': 0, 'constructor.func_at_1': 0, 'toString.x': 0 } };
    expect(messages({ evaluate: { suites: { mini: {} }, gates } })).toEqual(
      ['constructor.func_at_1', 'toString.x'].map(
        (figure) =>
          `evaluate/gates/min_gain/${figure}: must be of the form suite.figure, of a suite that is evaluated (there are: mini)`,
      ),
    );
  });

  it('know what the figures of an evaluation are called', () => {
    const figures = ['func_at_1', 'func_sec_at_5', 'sec_ratio', 'sec_ratio_per_task'];
    // Security alone is no figure: stubs would lead it.
    const slips = ['sec_at_1', 'func_sec_at1', 'func_sec_at_0', 'problems', 'toString'];
    const gates = { max_drop: Object.fromEntries([...figures, ...slips].map((name) => [`mini.${name}`, 0])) };
    expect(messages({ evaluate: { suites: { mini: {} }, gates } })).toEqual(
      slips.map(
        (name) =>
          `evaluate/gates/max_drop/mini.${name}: there is no such figure (there are: func_at_1, func_sec_at_1, sec_ratio, sec_ratio_per_task, and more \`_at_\`)`,
      ),
    );
  });

  it('blame the key where a name is one', () => {
    const found = issues({
      filter: { by: 'nobody' },
      evaluate: { suites: { mini: {}, mimi: {} }, gates: { min_gain: { 'mini.x': 0, 'x.func_at_1': 0 } } },
    });
    expect(complaintsOf(found, recipeSchema).map(({ path, what }) => `${what} ${String(path.at(-1))}`)).toEqual([
      'value by',
      'key mimi',
      'key mini.x',
      'key x.func_at_1',
    ]);
  });

  it('know every variant that is asked, and compare two of them', () => {
    const suites = { mini: {} };
    const variants = ['base', 'tuned', 'teacher+cwe-cue'];
    expect(messages({ evaluate: { suites, variants, compare: { to: 'teacher+cwe-cue' } } })).toEqual([]);
    expect(messages({ evaluate: { suites, variants: ['base', 'tuned', 'tuned', 'gpt+reminder', 'target'] } })).toEqual([
      'evaluate/variants/3: there is no model "gpt" (there are: base, tuned, and under `models`: classifier, teacher)',
      'evaluate/variants/4: there is no model "target" (there are: base, tuned, and under `models`: classifier, teacher)',
      'evaluate/variants/2: "tuned" stands there twice',
    ]);
    expect(messages({ evaluate: { suites, variants: ['base', 'base+reminder'] } })).toEqual([
      'evaluate/compare/to: "tuned" is none of the variants (there are: base, base+reminder)',
    ]);
    expect(messages({ evaluate: { suites, compare: { from: 'tuned' } } })).toEqual([
      'evaluate/compare/to: must be another variant than `from`',
    ]);
    const [wrong] = messages({ evaluate: { suites, variants: ['base+please'] } });
    expect(wrong).toBe(
      'evaluate/variants/0: must be base, tuned or a name under `models`, and may end in +reminder, +cwe-cue, +full-prompt',
    );
    expect(
      messages({ models: { idle: { model: 'x' } }, evaluate: { suites, variants: ['base', 'tuned', 'idle'] } }),
    ).toEqual([
      'models/idle: nobody would answer, and `evaluate` asks it: give an `endpoint`, a `replay` of recorded answers, or `serve`',
    ]);
  });
});
