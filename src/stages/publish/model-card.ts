import { figuresOf } from '../../suites/figures/figure-names.js';
import { integer, parameters, percent, percentInterval, points, pointsInterval } from '../report/format.js';
import type { ReportSuite } from '../report/report-data.js';
import { answerNotes, certaintyNotes } from '../report/suite-notes.js';
import { parametersOf, type Trained } from '../train/records.js';
import { type CardFacts, licencesOf } from './facts.js';
import { card, facts, plain, table } from './markdown.js';
import { dataModels, funnel, notices, paper, provenance, settingsTable, sources } from './shared-sections.js';

/** The model card: what it is, what was measured, how it was made and how to load it. Holds no time and no local path. */
export function modelCard(given: CardFacts): string {
  const { params, report } = given;
  const adapter = params.push.includes('adapter');
  const metadata = {
    base_model: report.base.name,
    base_model_relation: adapter ? 'adapter' : 'finetune',
    library_name: adapter ? 'peft' : 'transformers',
    pipeline_tag: 'text-generation',
    license: params.licence?.toLowerCase() ?? 'unknown',
    tags: ['secpi', 'secure-code', 'code', report.trained.method],
    datasets: params.dataset_repo === undefined ? undefined : [params.dataset_repo],
    'model-index': [{ name: titleOf(given), results: report.suites.flatMap(modelIndexResults) }],
  };
  return card(metadata, [
    `# ${plain(titleOf(given))}`,
    ...notices(given),
    ...introduction(given),
    '## Results',
    ...report.suites.flatMap((suite) => results(suite, report.compared)),
    conditions(given),
    '## Training data',
    ...trainingData(given),
    '## Training',
    training(given),
    '### Settings',
    settingsTable(given.settings),
    '## How to load it',
    loading(given),
    '## Provenance',
    provenance(given),
  ]);
}

function titleOf({ params, report }: CardFacts): string {
  return params.repo?.split('/')[1] ?? report.recipe;
}

function introduction({ report }: CardFacts): string[] {
  const { base, trained } = report;
  const of = `\`${base.name}\`${base.revision === null ? '' : ` (commit \`${base.revision}\`)`}`;
  const how = {
    lora: 'A LoRA adapter for',
    qlora: 'A LoRA adapter (trained on 4-bit weights) for',
    full: 'A fine-tune of',
  };
  const lines = [
    `${how[trained.method]} ${of}, trained to write secure code without being asked for it: the method of ${paper}, re-measured. A teacher model wrote reasoning and code for security-relevant tasks while it was told which weaknesses to avoid; this model learned to answer the bare task in the same way. The figures below were measured on ${trained.method === 'full' ? 'these weights' : 'base model and adapter, merged'}; they are not the paper's.`,
  ];
  if (report.description !== null) lines.unshift(plain(report.description));
  if (base.origin === 'tiny') {
    lines.push(
      `**This is a toy.** Its base model has ${integer(parametersOf(trained).base)} parameters, was built on the spot and knows a handful of answers by heart. It shows that every step of the method runs, and nothing about the security of real models. Do not use it to write code.`,
    );
  }
  return lines;
}

function results(suite: ReportSuite, compared: CardFacts['report']['compared']): string[] {
  const { name, problems, base, tuned, variants, comparison, unseen } = suite;
  const [from, to] = compared;
  const rows = figuresOf(tuned.measures).map(({ key, label, meaning }) => [
    `${label} (${meaning})`,
    `${percent(base[key])} ${percentInterval(base.intervals[key])}`.trim(),
    `${percent(tuned[key])} ${percentInterval(tuned.intervals[key])}`.trim(),
    `${points(comparison[key]?.estimate ?? null)} ${pointsInterval(comparison[key]?.interval ?? null)}`.trim(),
  ]);
  const scored = ({ samples, problems: measured, unverified }: ReportSuite['base']) =>
    `${integer(samples)} answers to ${integer(measured)} of ${integer(problems)} problems${unverified === 0 ? '' : `, ${integer(unverified)} more could not be checked`}`;
  return [
    `### ${plain(name)}`,
    table(['', plain(from), plain(to), 'difference, in points'], rows),
    `${capital(plain(from))}: ${scored(base)}; ${plain(to)}: ${scored(tuned)}. In brackets: 95 % intervals, for the difference paired by problem.`,
    ...certaintyNotes(suite).slice(0, 1),
    ...answerNotes(suite),
    ...(Object.keys(variants).length <= 2 ? [] : [variantTable(suite)]),
    ...byWeakness(suite, compared),
    ...(unseen.languages.length === 0 ? [] : [`No training sample was in ${unseen.languages.map(plain).join(', ')}.`]),
  ];
}

function byWeakness({ base, tuned, unseen }: ReportSuite, [from, to]: CardFacts['report']['compared']): string[] {
  const weaknesses = Object.entries(tuned.per_cwe).map(([cwe, rates]) => [
    `${plain(cwe)}${unseen.cwes.includes(cwe) ? ' (not trained on)' : ''}`,
    integer(rates.problems),
    percent(base.per_cwe[cwe]?.func_sec_at_1 ?? null),
    percent(rates.func_sec_at_1),
  ]);
  if (weaknesses.length === 0 || !tuned.measures.includes('security')) return [];
  return [table(['weakness', 'problems', `func-sec@1 ${plain(from)}`, `func-sec@1 ${plain(to)}`], weaknesses)];
}

function variantTable({ variants, tuned }: ReportSuite): string {
  const figures = figuresOf(tuned.measures);
  const rows = Object.entries(variants).map(([name, rates]) => [
    plain(name),
    ...figures.map(({ key }) => `${percent(rates[key])} ${percentInterval(rates.intervals[key])}`.trim()),
  ]);
  return table(['all variants', ...figures.map(({ label }) => label)], rows);
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function conditions({ report }: CardFacts): string {
  const { sandbox, toolchains } = report;
  const languages = Object.keys(toolchains).sort().map(plain).join(', ');
  return `Every answer was run against functional and security tests (sandbox: ${plain(sandbox.kind)}; languages: ${languages || 'none'}). A test suite finds the weaknesses it looks for: a pass is no proof of security.`;
}

function trainingData(given: CardFacts): string[] {
  const { params, samples } = given;
  const where =
    params.dataset_repo !== undefined
      ? ` They are published as [${params.dataset_repo}](https://huggingface.co/datasets/${params.dataset_repo}).`
      : params.push.includes('dataset')
        ? ' They stand in `dataset/`.'
        : ' They are not published with the model.';
  const models = dataModels(given);
  return [
    `${integer(samples.total)} samples: a task without any security hint, then reasoning and answer.${where}`,
    sources(given),
    funnel(given),
    ...(models === '' ? [] : [models]),
    `Licences of the samples: ${licencesOf(samples).map(plain).join(', ') || 'none'}. ${params.licence === undefined ? 'No licence is given for the model itself; those of base model and data apply.' : `The model is published under ${plain(params.licence)}.`}`,
  ];
}

function training({ report }: CardFacts): string {
  const { trained } = report;
  const dropped = Object.entries(trained.prepared.dropped).map(
    ([reason, count]) => `${integer(count)} × ${plain(reason)}`,
  );
  const number = (value: number | null) => (value === null ? '–' : String(Number(value.toPrecision(4))));
  return facts([
    ['method', `${trained.method}, ${plain(trained.trainer)}`],
    [
      'samples trained on',
      `${integer(trained.prepared.kept)} of ${integer(trained.prepared.rows)}${dropped.length === 0 ? '' : ` (left out: ${dropped.join(', ')})`}`,
    ],
    ['steps', integer(trained.steps)],
    ['passes', number(trained.epochs)],
    ['tokens', `${integer(trained.tokens)} learnt, ${integer(trained.prompt_tokens)} of prompts read`],
    ['loss, first and last step', `${number(trained.first_loss)} → ${number(trained.final_loss)}`],
    ['parameters', parameters(trained)],
    ...weights(trained),
    ['largest deviation of a merged weight, relative to what the adapter changes', number(trained.merge_difference)],
    [
      'tools',
      Object.entries(toolsOf(report))
        .map(([tool, version]) => `${plain(tool)} ${plain(version)}`)
        .join(', ') || '–',
    ],
  ]);
}

/** What the weights are where they are not simply those after the last step, and of which base. */
function weights({ averaged_steps, method }: Trained): [string, string][] {
  const rows: [string, string][] = [];
  if (averaged_steps !== undefined)
    rows.push(['weights', `the average of those after steps ${averaged_steps.join(', ')}`]);
  if (method === 'qlora')
    rows.push(['merged weights', 'adapter and base as it was trained on: rounded to 4 bits and back']);
  return rows;
}

function toolsOf({ artifacts }: CardFacts['report']): Readonly<Record<string, string>> {
  return artifacts.find(({ stage }) => stage === 'train')?.tools ?? {};
}

function loading({ params, report }: CardFacts): string {
  const name = params.repo ?? 'PATH/TO/THIS/FOLDER';
  const adapter = params.push.includes('adapter');
  const merged = params.push.includes('merged');
  const onHub = report.base.origin === 'hub';
  const lines: string[] = [];
  if (adapter) {
    const base = onHub ? JSON.stringify(report.base.name) : 'base';
    const revision = report.base.revision === null ? '' : `, revision="${report.base.revision}"`;
    lines.push(
      ...(onHub ? [] : ['base = "PATH/TO/THE/BASE/MODEL"  # it is not on the Hub']),
      `tokenizer = AutoTokenizer.from_pretrained(${base}${revision})`,
      `model = AutoModelForCausalLM.from_pretrained(${base}${revision})`,
      `model = PeftModel.from_pretrained(model, "${name}")`,
    );
  } else if (merged) {
    lines.push(
      `tokenizer = AutoTokenizer.from_pretrained("${name}")`,
      `model = AutoModelForCausalLM.from_pretrained("${name}")`,
    );
  }
  if (lines.length === 0) return 'The weights are not published here.';
  const imports = [
    ...(adapter ? ['from peft import PeftModel'] : []),
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
  ];
  const text = ['```python', ...imports, '', ...lines, '```'].join('\n');
  return adapter && merged ? `${text}\n\nThe merged weights stand in \`merged/\` and need no \`peft\`.` : text;
}

/** The Hub's own format for results: https://huggingface.co/docs/hub/model-cards#evaluation-results */
function modelIndexResults({ name, variants: { tuned } }: ReportSuite): object[] {
  if (tuned === undefined) return [];
  const metrics = figuresOf(tuned.measures).flatMap(({ key, label }) => {
    const value = tuned[key];
    return value === null ? [] : [{ type: key, name: label, value: Number(value.toFixed(4)) }];
  });
  if (metrics.length === 0) return [];
  return [
    { task: { type: 'text-generation', name: 'Secure code generation' }, dataset: { type: name, name }, metrics },
  ];
}
