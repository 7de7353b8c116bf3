import { describe, expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import type { Base } from '../../../src/stages/base/records.js';
import type { Funnel, MixCount, Sample } from '../../../src/stages/curate/records.js';
import type { ScoredSample, Scores } from '../../../src/stages/evaluate/records.js';
import { report } from '../../../src/stages/report/report.js';
import type { ReportData } from '../../../src/stages/report/report-data.js';
import type { StageServices } from '../../../src/stages/services.js';
import { comparePaired, summarise } from '../../../src/suites/figures/metrics.js';
import type { ProblemOutcome } from '../../../src/suites/figures/outcomes.js';
import type { Verdict } from '../../../src/suites/suite.js';
import { loadMini } from '../../support/mini.js';
import { given, runNodes, stageHome, testServices } from '../../support/stage-flow.js';
import { realisticData } from './report-data.js';

const mini = await loadMini();

const scored = (
  problem: string,
  variant: string,
  functional: Verdict,
  security: Verdict,
  code = 'x',
): ScoredSample => ({
  schema: 2,
  suite: 'mini',
  variant,
  problem,
  language: 'python',
  cwes: ['CWE-89'],
  sample: 0,
  messages: [],
  finish: 'stop',
  answered: 'code',
  reasoning: null,
  answer: '',
  submission: { 'solution.py': code },
  code,
  functional,
  security,
  cases: [],
  alone: false,
  forgeable: false,
  tokens: { input: 1, output: 1 },
});

const sample = (language: string, cwe: string, number: number): Sample => ({
  schema: 1,
  id: `sample-${String(number).padStart(16, '0')}`,
  prompt: `Task ${number}.`,
  completion: `<think>\nThought ${number}.\n</think>\n\nAnswer ${number}.`,
  language,
  cwes: [cwe],
  task_id: `task-${'0'.repeat(16)}`,
  source: 'tasks.jsonl',
  licence: null,
});

interface Given {
  readonly base: readonly ScoredSample[];
  readonly tuned: readonly ScoredSample[];
  readonly samples?: readonly Sample[];
  readonly sandbox?: Scores['sandbox'];
  /** Samples that hold something of mini. */
  readonly held?: number;
  readonly title?: string;
  readonly mix?: MixCount;
  readonly funnel?: Funnel;
}

async function runReport({ base, tuned, samples = [], held = 0, title, mix, ...rest }: Given) {
  await using home = await stageHome();
  const realistic = realisticData();
  const { funnel = realistic.funnel } = rest;
  const outcomes = (rows: readonly ScoredSample[]): ProblemOutcome[] =>
    rows.map(({ problem, functional, security }) => ({
      problem,
      language: 'python',
      cwes: ['CWE-89'],
      samples: [{ functional, security }],
    }));
  const scores: Scores = {
    schema: 2,
    sandbox: rest.sandbox ?? realistic.sandbox,
    toolchains: realistic.toolchains,
    compared: ['base', 'tuned'],
    suites: {
      mini: {
        digest: mini.digest,
        problems: base.length,
        variants: { base: summarise(outcomes(base)), tuned: summarise(outcomes(tuned)) },
        comparison: comparePaired(outcomes(base), outcomes(tuned)),
      },
    },
  };
  const baseRecord: Base = { schema: 1, name: 'secpi/tiny', origin: 'tiny', revision: null, facts: {} };
  const params = {
    ...(title === undefined ? {} : { title }),
    recipe: 'quickstart',
    description: 'A toy.',
  };
  const nodes = [
    given<StageServices>('collect', { files: { 'tasks.jsonl': [] }, reasons: { exact_duplicate: 2 } }),
    given<StageServices>('filter', { files: { 'kept.jsonl': [] } }),
    given<StageServices>('trace', { files: { 'traces.jsonl.gz': [] } }),
    given<StageServices>('curate', {
      files: { 'samples.jsonl.gz': samples, 'funnel.json': { ...funnel, mix } },
      reasons: { leak: 1, no_code: 3 },
      counts: held === 0 ? {} : { in_mini: held },
    }),
    given<StageServices>('base', { files: { 'base.json': baseRecord } }),
    given<StageServices>('train', {
      files: { 'train.json': realistic.trained, 'loss.jsonl': realistic.losses },
      tools: { torch: '2.13.0' },
    }),
    given<StageServices>('evaluate', {
      files: { 'scores.json': scores, 'samples/mini/base.jsonl': base, 'samples/mini/tuned.jsonl': tuned },
    }),
    graphNode({
      name: 'report',
      stage: report,
      params: report.params.parse(params),
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
  const run = await runNodes<StageServices>(home, nodes, testServices(home));
  expect(run.error).toBeUndefined();
  return {
    data: JSON.parse(await run.text('report', 'report.json')) as ReportData,
    page: await run.text('report', 'report.html'),
    manifest: (await run.artifact('report')).manifest,
  };
}

const insecure = [scored('py-find-users', 'base', 'pass', 'fail'), scored('py-count-words', 'base', 'fail', 'fail')];
const secure = [scored('py-find-users', 'tuned', 'pass', 'pass'), scored('py-count-words', 'tuned', 'pass', 'pass')];

describe('the report stage', () => {
  it('says at the top that what is evaluated was trained on, and else that it was looked for', async () => {
    const off = await runReport({ base: insecure, tuned: secure, held: 18 });
    expect(off.data.notices).toEqual([
      expect.stringMatching(/^18 of the \d+ samples .* of mini, .*curate\.on_contamination: report/),
    ]);
    expect(off.page.indexOf('on_contamination')).toBeLessThan(off.page.indexOf('func-sec@1'));
    expect(off.page).toMatch(/compared with the suites: 18 of \d+ hold tasks, tests or solutions of mini\./);
    const on = await runReport({ base: insecure, tuned: secure });
    expect(on.data.notices).toEqual([]);
    expect(on.page).toContain('compared with the suites: none holds tasks, tests or solutions of mini.');
    expect(on.data.forgeable).toContain('mini/py-hash-password');
    expect(on.page).toContain('<td>could be forged</td><td>verdicts on mini/');
  });

  it('says what could not be checked, and when there was no sandbox', async () => {
    const base = [...insecure, scored('go-audit-line', 'base', 'unverified', 'unverified')];
    const sandbox = { ...realisticData().sandbox, kind: 'none' as const };
    const { data } = await runReport({ base, tuned: secure, sandbox });
    expect(data.notices).toEqual([
      expect.stringMatching(/^1 answer to mini \(python\) could not be checked/),
      'The code was scored without a sandbox, as the recipe asked for.',
    ]);
  });

  it('contrasts answers of which the base is insecure and the tuned one secure, the shortest first', async () => {
    const base = [
      scored('py-find-users', 'base', 'pass', 'fail', 'a long piece of code'),
      scored('py-count-words', 'base', 'fail', 'fail'),
      scored('py-load-template', 'base', 'pass', 'fail', 'short'),
      scored('py-session-store', 'base', 'pass', 'pass'),
    ];
    const tuned = base.map((row) => ({
      ...row,
      variant: 'tuned' as const,
      functional: 'pass' as const,
      security: 'pass' as const,
    }));
    const { data } = await runReport({ base, tuned });
    expect(data.answers.map(({ problem }) => problem)).toEqual(['py-load-template', 'py-find-users']);
    const prompt = mini.problems.find(({ id }) => id === 'py-load-template')?.prompt;
    expect(data.answers[0]).toMatchObject({ question: prompt, base: { code: 'short' } });
    const nothing = await runReport({ base, tuned: base.map((row) => ({ ...row, variant: 'tuned' as const })) });
    expect(nothing.data.answers).toEqual([]);
  });

  it('shows three samples that differ in language and weakness', async () => {
    const samples = [
      sample('python', 'CWE-89', 1),
      sample('python', 'CWE-22', 2),
      sample('go', 'CWE-89', 3),
      sample('c', 'CWE-787', 4),
      sample('go', 'CWE-22', 5),
    ];
    const { data } = await runReport({ base: insecure, tuned: secure, samples });
    expect(data.traces.map(({ prompt }) => prompt)).toEqual(['Task 1.', 'Task 4.', 'Task 5.']);
    expect(data.traces[0]).toMatchObject({ reasoning: 'Thought 1.', answer: 'Answer 1.' });
  });

  it('counts ordinary samples among what was trained on, and shows none of them', async () => {
    const ordinary = { ...sample('go', 'CWE-89', 1), cwes: [] };
    const mix = { share: 0.25, rows: 1200, samples: 8, by_language: { python: 8 }, dropped: { think_short: 3 } };
    const given = { base: insecure, tuned: secure, held: 18 };
    const { data, page } = await runReport({ ...given, samples: [ordinary, sample('c', 'CWE-787', 2)], mix });
    expect(page).toContain('stand 8 ordinary ones (a share of 0.25), drawn from 1,200 rows');
    expect(page).toContain('3 × think_short');
    expect(page).toContain('18 of 32 hold');
    expect(data.notices).toEqual([expect.stringMatching(/^18 of the 32 samples/)]);
    expect(data.traces.map(({ prompt }) => prompt)).toEqual(['Task 2.']);
    const none = { ...realisticData().funnel, by_language: {} };
    const unseen = async (funnel: object) =>
      (await runReport({ ...given, ...funnel })).data.suites[0]?.unseen.languages;
    expect(await unseen({ funnel: none })).toEqual(['python']);
    expect(await unseen({ funnel: none, mix })).toEqual([]);
  });

  it('counts what was dropped by stage and reason, and names the weaknesses it speaks of', async () => {
    const { data, manifest } = await runReport({ base: insecure, tuned: secure, title: 'My own title' });
    expect(data.dropped).toEqual([
      { stage: 'collect', reason: 'exact_duplicate', count: 2 },
      { stage: 'curate', reason: 'leak', count: 1 },
      { stage: 'curate', reason: 'no_code', count: 3 },
    ]);
    expect(data.weaknesses).toMatchObject({ 'CWE-89': 'SQL injection', 'CWE-22': 'path traversal' });
    expect(data.title).toBe('My own title');
    expect(manifest.outputs.map(({ path }) => path).sort()).toEqual(['loss.svg', 'report.html', 'report.json']);
  });

  it('is the same bytes in another place at another time', async () => {
    const first = await runReport({ base: insecure, tuned: secure });
    const second = await runReport({ base: insecure, tuned: secure });
    expect(second.manifest.outputs).toEqual(first.manifest.outputs);
  });
});
