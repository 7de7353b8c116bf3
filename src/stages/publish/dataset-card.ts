import { integer } from '../report/format.js';
import { type CardFacts, licencesOf, type SampleCounts } from './facts.js';
import { card, plain, table } from './markdown.js';
import { dataModels, funnel, notices, paper, provenance, sources } from './shared-sections.js';

/** Where the rows stand inside the dataset. */
export const datasetRows = 'data/train.jsonl.gz';

const columns = [
  ['prompt', 'the task as its user wrote it, without any security hint'],
  ['completion', '`<think>`, reasoning, `</think>`, answer with code'],
  ['language', 'programming language of the task'],
  ['cwes', 'weaknesses that naive code for the task would plausibly have'],
  ['task_id', 'content hash of the task'],
  ['source', 'where the task came from'],
  ['licence', 'licence of that source, if it states one'],
  ['id', 'content hash of prompt and completion'],
] as const;

/** The dataset card. Holds no time and no local path. */
export function datasetCard(given: CardFacts): string {
  const { params, report, samples } = given;
  const licences = licencesOf(samples);
  const metadata = {
    license: licences.length === 1 ? licences[0] : licences,
    pretty_name: `${report.recipe}: security reasoning traces`,
    task_categories: ['text-generation'],
    tags: ['secpi', 'secure-code', 'code', 'reasoning'],
    configs: [{ config_name: 'default', data_files: [{ split: 'train', path: datasetRows }] }],
  };
  const models = dataModels(given);
  const name = params.dataset_repo;
  const path = name === undefined ? `"json", data_files="dataset/${datasetRows}"` : `"${name}"`;
  return card(metadata, [
    `# ${plain(name?.split('/')[1] ?? report.recipe)}: training samples`,
    ...notices(given),
    `${integer(samples.total - samples.mixed)} coding tasks, each with reasoning and an answer that avoid the weaknesses the task invites. Made with the method of ${paper}: a teacher model was told which weaknesses to avoid, the samples do not tell. The texts were written by a model and checked by rules, not by people; some may be wrong or insecure.${ordinary(samples)}`,
    '## Where it comes from',
    sources(given),
    funnel(given),
    ...(models === '' ? [] : [models]),
    '## What is in it',
    table(['language', 'samples'], counted(samples.byLanguage)),
    table(['weakness', 'samples'], counted(samples.byCwe)),
    'A sample with several weaknesses counts for each.',
    table(
      ['column', 'meaning'],
      columns.map(([column, meaning]) => [`\`${column}\``, meaning]),
    ),
    ['```python', 'from datasets import load_dataset', '', `rows = load_dataset(${path}, split="train")`, '```'].join(
      '\n',
    ),
    '## Provenance',
    provenance(given),
  ]);
}

/** What stands beside them for utility. */
function ordinary({ mixed }: SampleCounts): string {
  if (mixed === 0) return '';
  return ` Beside them stand ordinary samples that others made (${integer(mixed)}), of tasks of any kind: without such a model may lose what it could do before. Their \`cwes\` are empty.`;
}

/** The most frequent first, then by name. */
function counted(counts: ReadonlyMap<string, number>): string[][] {
  return [...counts]
    .sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1))
    .map(([name, count]) => [plain(name), integer(count)]);
}
