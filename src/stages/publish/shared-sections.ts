import * as z from 'zod';
import { integer } from '../report/format.js';
import { type CardFacts, pinsOf } from './facts.js';
import { facts, plain, table } from './markdown.js';

/** Link to the method's paper: the numbers here are a re-measurement, not the paper's. */
export const paper = '[arXiv 2604.03587](https://arxiv.org/abs/2604.03587)';

const sourcePins = z.array(
  z.looseObject({ name: z.string(), commit: z.string().optional(), sha256: z.string().optional() }),
);
const modelPin = z.looseObject({ identity: z.string(), recording: z.string().nullable() });

/** What a reader must know before any figure, as quoted lines; empty when there is nothing. */
export function notices({ report }: CardFacts): readonly string[] {
  if (report.notices.length === 0) return [];
  return [report.notices.map((notice) => `> **Note:** ${plain(notice)}`).join('\n>\n')];
}

/** Where the training data came from, under which licence, and how much of it is left. */
export function sources({ report, samples }: CardFacts): string {
  const pins = sourcePins.safeParse(pinsOf(report, 'collect').sources).data ?? [];
  const pinsOfMix = sourcePins.safeParse(pinsOf(report, 'curate').mix).data ?? [];
  const rows = [...samples.bySource.values()].map(({ source, licence, samples: count, mixed }) => {
    const pin = (mixed ? pinsOfMix : pins).find(({ name }) => name === source);
    const at = pin?.commit === undefined ? pin?.sha256 && `sha256 \`${pin.sha256}\`` : `commit \`${pin.commit}\``;
    return [
      `${plain(source)}${mixed ? ' (ordinary)' : ''}`,
      licence === null ? 'not stated' : plain(licence),
      integer(count),
      at ?? '',
    ];
  });
  return table(['source', 'licence', 'samples', 'pinned at'], rows);
}

/** How many records were left after each step, and what was added. */
export function funnel({ report }: CardFacts): string {
  const { total, mix } = report.funnel;
  const steps = table(
    ['collected tasks', 'security-relevant', 'traces', 'samples'],
    [[total.tasks, total.relevant, total.traces, total.samples].map(integer)],
  );
  if (mix === undefined) return steps;
  return `${steps}\n\nBeside these: ordinary samples (${integer(mix.samples)}), drawn by chance from ${integer(mix.rows)} rows that others made, with tasks of any kind. Nobody told their authors about weaknesses, and no filter looked for any.`;
}

/** Which models read and wrote the data. */
export function dataModels({ report }: CardFacts): string {
  const line = (stage: string, role: string, what: string) => {
    const pin = modelPin.safeParse(pinsOf(report, stage)[role]).data;
    if (pin === undefined) return [];
    const replayed = pin.recording === null ? '' : `, replayed from a recording (sha256 \`${pin.recording}\`)`;
    return [`- ${what}: ${plain(pin.identity)}${replayed}`];
  };
  return [
    ...line('filter', 'classifier', 'Chosen as security-relevant by'),
    ...line('trace', 'teacher', 'Reasoning and answers by'),
    ...line('curate', 'judge', 'What the filters let through, judged by'),
  ].join('\n');
}

/** Every artifact behind the figures: whoever makes them again from the same recipe gets the same digests. */
export function provenance({ report, provenance: artifacts }: CardFacts): string {
  const rows = artifacts.map(({ stage, fingerprint, digest }) => [stage, `\`${fingerprint}\``, `\`${digest}\``]);
  return [
    `Recipe \`${report.recipe}\`. A fingerprint names what an artifact was made from, a digest what is in it.`,
    table(['stage', 'fingerprint', 'digest'], rows),
  ].join('\n\n');
}

/** Nested settings as `a.b` and value. */
export function settingsTable(settings: unknown): string {
  return facts(flat(settings, '').map(([name, value]) => [`\`${name}\``, plain(value)]));
}

function flat(value: unknown, name: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  if (Array.isArray(value)) return [[name, value.map(String).join(', ')]];
  return Object.entries(value).flatMap(([key, item]) => flat(item, name === '' ? key : `${name}.${key}`));
}
