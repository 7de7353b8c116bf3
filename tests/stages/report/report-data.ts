import { loadCatalogue } from '../../../src/security/catalogue.js';
import type { ReportAnswers, ReportData, ReportRun, ReportTrace } from '../../../src/stages/report/report-data.js';
import { extractCode } from '../../../src/suites/answers/extract-code.js';
import { comparePaired, summarise } from '../../../src/suites/figures/metrics.js';
import type { ProblemOutcome } from '../../../src/suites/figures/outcomes.js';
import type { Verdict } from '../../../src/suites/suite.js';
import { loadMini } from '../../support/mini.js';

const mini = await loadMini();

/** How base and tuned did on each problem: the base mostly works but is insecure, the tuned model is mostly both. */
function outcomes(variant: 'base' | 'tuned'): ProblemOutcome[] {
  return mini.problems.map(({ id, language, cwes }, index) => {
    const functional: Verdict = index % 9 === 4 ? 'fail' : 'pass';
    const insecure = variant === 'base' ? index % 7 !== 2 : index % 6 === 1;
    const verdict = language === 'go' && index % 2 === 0 ? 'unverified' : functional;
    const security: Verdict = verdict === 'unverified' ? 'unverified' : insecure ? 'fail' : 'pass';
    return { problem: id, language, cwes, samples: [{ functional: verdict, security }] };
  });
}

function answersTo(id: string): ReportAnswers {
  const problem = mini.problems.find((candidate) => candidate.id === id);
  if (problem === undefined) throw new Error(`mini has no ${id}`);
  const side = (code: string, verdict: Verdict, reasoning: string) => ({
    reasoning,
    code,
    cases: problem.file.cases.map(({ name, kind }) => ({
      name,
      kind,
      verdict: kind === 'functional' ? ('pass' as const) : verdict,
      why: kind === 'security' && verdict === 'fail' ? 'the output holds what it must not hold' : '',
    })),
  });
  return {
    problem: id,
    question: problem.prompt,
    language: problem.language,
    cwes: problem.cwes,
    base: side(problem.insecure, 'fail', 'I format the name into the query, run it and return all rows.'),
    tuned: side(problem.secure, 'pass', 'Whoever fills in the form controls the name, so I bind it to a placeholder.'),
  };
}

function traceOf(id: string): ReportTrace {
  const { base: _base, tuned, language, cwes } = answersTo(id);
  const prompt = mini.problems.find((candidate) => candidate.id === id)?.prompt ?? '';
  const reasoning = `${tuned.reasoning} ${'That is injection, and with UNION it could read the e-mail column too. '.repeat(6)}`;
  const answer = `The query is fixed and the name is bound to its placeholder:\n\n\`\`\`${language}\n${tuned.code}\`\`\``;
  if (extractCode(answer, language) === null) throw new Error('no code');
  return { language, cwes, prompt, reasoning, answer };
}

const step = (tasks: number, relevant: number, traces: number, samples: number) => ({
  tasks,
  relevant,
  traces,
  samples,
});
const hex = (seed: string) => seed.repeat(64).slice(0, 64);

/** A report as a quickstart gives it. */
export function realisticData(change: Partial<ReportData> = {}): ReportData {
  const [base, tuned] = [outcomes('base'), outcomes('tuned')];
  const variants = { base: summarise(base), tuned: summarise(tuned) };
  return {
    schema: 2,
    recipe: 'quickstart',
    title: 'secpi/tiny-qwen2, tuned with quickstart',
    description:
      'A toy that shows the flow, not a result. The model has 2 million parameters and can only memorise, so it is trained on tasks that are also the suite’s problems, with answers that were written for this project.',
    notices: [
      '18 of the 24 samples that were trained on hold tasks, tests or solutions of mini, which the recipe accepts (curate.on_contamination: report). These figures show that the flow works; they say nothing about how the model does on problems it has not seen.',
      '4 answers to mini could not be checked on the machine that scored them (a compiler was missing, say) and count neither as pass nor as fail.',
    ],
    compared: ['base', 'tuned'],
    suites: [
      {
        name: 'mini',
        problems: mini.problems.length,
        ...variants,
        variants,
        comparison: comparePaired(base, tuned),
        unseen: { cwes: ['CWE-79', 'CWE-415'], languages: ['c'] },
      },
    ],
    weaknesses: Object.fromEntries(
      [...loadCatalogue().entries.values()].map(({ id, name, aliases }) => [id, aliases[0] ?? name]),
    ),
    funnel: {
      schema: 2,
      total: step(48, 26, 26, 24),
      by_language: {
        c: step(8, 5, 5, 4),
        cpp: step(8, 4, 4, 4),
        go: step(8, 5, 5, 5),
        javascript: step(10, 5, 5, 4),
        python: step(14, 7, 7, 7),
      },
      by_cwe: Object.fromEntries(
        ['CWE-22', 'CWE-78', 'CWE-79', 'CWE-89', 'CWE-117', 'CWE-190', 'CWE-327', 'CWE-502', 'CWE-1321'].map(
          (id, index) => [id, step(0, 1 + (index % 4), 1 + (index % 4), index % 4)],
        ),
      ),
      filters: [
        { filter: 'depth', on: true, objects: 2, alone: 2, unverified: 0 },
        { filter: 'actuation', on: false, objects: 5, alone: 0, unverified: 3 },
      ],
    },
    in_samples: { mini: 18 },
    dropped: [
      { stage: 'collect', reason: 'near_duplicate', count: 2 },
      { stage: 'filter', reason: 'not_relevant', count: 20 },
      { stage: 'filter', reason: 'low_confidence', count: 2 },
      { stage: 'curate', reason: 'no_mitigation_named', count: 2 },
    ],
    base: { name: 'secpi/tiny-qwen2', origin: 'tiny', revision: null },
    trained: {
      schema: 1,
      base: 'secpi/tiny-qwen2',
      method: 'lora',
      trainer: 'trl',
      attention: 'sdpa',
      prepared: { rows: 24, kept: 24, dropped: {} },
      sequences: 18,
      steps: 500,
      epochs: 41.7,
      tokens: 412_345,
      prompt_tokens: 12_345,
      first_loss: 3.4127,
      final_loss: 0.0021,
      holdout_loss: 0.0559,
      trainable_parameters: 196_608,
      total_parameters: 2_101_248,
      merge_difference: 3.1e-7,
    },
    losses: Array.from({ length: 500 }, (_, index) => ({
      step: index + 1,
      epoch: (index + 1) / 12,
      loss: Number((3.4 * Math.exp(-index / 70) * (1 + 0.25 * Math.sin(index * 1.7)) + 0.002).toFixed(5)),
      learning_rate: 5e-3 * (1 - index / 500),
      grad_norm: Number((1.2 * Math.exp(-index / 90) + 0.01).toFixed(5)),
      ...(index % 50 === 49 ? { holdout_loss: Number((3 * Math.exp(-index / 80) + 0.05).toFixed(5)) } : {}),
    })),
    traces: [traceOf('py-find-users'), traceOf('c-copy-name'), traceOf('go-audit-line')],
    answers: [answersTo('py-find-users'), answersTo('js-is-email')],
    artifacts: ['collect', 'filter', 'trace', 'curate', 'base', 'train', 'evaluate'].map((stage, index) => ({
      stage,
      fingerprint: hex(`${index}a7f3`),
      digest: hex(`${index}c90d`),
      counts: { rows: 48 },
      tokens:
        stage === 'filter'
          ? { input: 61_234, output: 4_321 }
          : stage === 'trace'
            ? { input: 18_456, output: 21_034 }
            : { input: 0, output: 0 },
      tools:
        stage === 'train'
          ? { python: '3.11.9', torch: '2.13.0', transformers: '5.18.0', trl: '1.13.0', peft: '0.21.0' }
          : {},
      pins:
        stage === 'filter'
          ? { classifier: { identity: 'secpi/bundled-classifier', recording: hex('ab') }, catalogue: hex('cd') }
          : {},
    })),
    sandbox: {
      kind: 'bubblewrap',
      version: '0.8.0',
      network: 'none',
      seccomp: true,
      unprivileged: true,
      memory: 'watched',
      notes: ['memory limit: per process', 'kernel shared with the host'],
    },
    toolchains: { c: '12.2.0', cpp: '12.2.0', go: '1.19.8', javascript: '20.19.5', python: '3.11.2' },
    forgeable: ['mini/js-merge-settings'],
    ...change,
  };
}

/** What one run adds. */
export const realisticRun: ReportRun = {
  run: '01KAN0Q2D3G4H5J6K7M8N9P0QR',
  outcome: 'done',
  started_at: '2026-11-22T18:20:31Z',
  seconds: 142.3,
  version: '0.1.0',
  host: 'laptop, Linux x64, 2 cores',
  training: { tokens_per_second: 1834.2, mfu: 0.412, memory_gib: 71.3 },
  stages: [
    { stage: 'collect', outcome: 'done', seconds: 0.4, made_in_seconds: 0.4, cost_usd: 0 },
    { stage: 'filter', outcome: 'done', seconds: 0.8, made_in_seconds: 0.8, cost_usd: 0.0042 },
    { stage: 'trace', outcome: 'cached', seconds: 0.02, made_in_seconds: 2.2, cost_usd: 0.118 },
    { stage: 'curate', outcome: 'done', seconds: 0.3, made_in_seconds: 0.3, cost_usd: 0 },
    { stage: 'base', outcome: 'cached', seconds: 0.1, made_in_seconds: 21.4, cost_usd: 0 },
    { stage: 'train', outcome: 'done', seconds: 48.2, made_in_seconds: 48.2, cost_usd: 0 },
    { stage: 'evaluate', outcome: 'done', seconds: 61.7, made_in_seconds: 61.7, cost_usd: 0 },
    { stage: 'report', outcome: 'done', seconds: 1.1, made_in_seconds: 1.1, cost_usd: 0 },
  ],
};
