import * as z from 'zod';
import type { ArtifactReader } from '../../engine/artifacts/artifact.js';
import { SAMPLES, sampleSchema } from '../curate/records.js';
import type { ReportArtifact, ReportData } from '../report/report-data.js';
import type { PublishParams } from './params.js';

/** Reads `report.json` back. Only its version is checked: it comes out of an artifact whose hash was. */
const reportSchema: z.ZodType<ReportData> = z.custom<ReportData>(
  (value) => typeof value === 'object' && value !== null && 'schema' in value && value.schema === 2,
);

/** What both cards tell. Nothing here depends on the time or the machine. */
export interface CardFacts {
  readonly params: PublishParams;
  readonly report: ReportData;
  readonly samples: SampleCounts;
  /** The `train` section of the recipe, as it was used. */
  readonly settings: unknown;
  /** Every artifact behind the figures, the report's own included. */
  readonly provenance: readonly Pick<ReportArtifact, 'stage' | 'fingerprint' | 'digest'>[];
}

export interface SampleCounts {
  readonly total: number;
  /** Those of them that are ordinary: `curate.mix`. */
  readonly mixed: number;
  readonly bySource: ReadonlyMap<string, SourceCount>;
  readonly byLanguage: ReadonlyMap<string, number>;
  readonly byCwe: ReadonlyMap<string, number>;
}

export interface SourceCount {
  readonly source: string;
  readonly licence: string | null;
  readonly samples: number;
  /** Whether it is one of `curate.mix`. */
  readonly mixed: boolean;
}

export type PublishInput = 'samples' | 'trained' | 'scores' | 'report';

/** Reads what the cards tell out of the artifacts. */
export async function gatherFacts(
  params: PublishParams,
  inputs: Readonly<Record<PublishInput, ArtifactReader>>,
): Promise<CardFacts> {
  const report = await inputs.report.json('report.json', reportSchema);
  const { stage, fingerprint, digest, preimage } = {
    ...inputs.report.manifest,
    preimage: inputs.trained.manifest.preimage,
  };
  return {
    params,
    report,
    samples: await countSamples(inputs.samples),
    settings: typeof preimage === 'object' && preimage !== null && 'params' in preimage ? preimage.params : {},
    provenance: [...report.artifacts, { stage, fingerprint, digest }],
  };
}

async function countSamples(artifact: ArtifactReader): Promise<SampleCounts> {
  const bySource = new Map<string, SourceCount>();
  const byLanguage = new Map<string, number>();
  const byCwe = new Map<string, number>();
  const add = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  let [total, mixed] = [0, 0];
  for await (const { source, licence, language, cwes } of artifact.rows(SAMPLES, sampleSchema)) {
    total += 1;
    const isMixed = cwes.length === 0;
    if (isMixed) mixed += 1;
    const key = JSON.stringify([source, licence, isMixed]);
    bySource.set(key, { source, licence, samples: (bySource.get(key)?.samples ?? 0) + 1, mixed: isMixed });
    add(byLanguage, language);
    for (const cwe of cwes) add(byCwe, cwe);
  }
  return { total, mixed, bySource, byLanguage, byCwe };
}

/** Licences of the samples, as the Hub abbreviates them; `unknown` stands for rows that came with none. */
export function licencesOf({ bySource }: SampleCounts): readonly string[] {
  return [...new Set([...bySource.values()].map(({ licence }) => licence?.toLowerCase() ?? 'unknown'))].sort();
}

/** The pins of the artifact that a stage made. */
export function pinsOf(report: ReportData, stage: string): Readonly<Record<string, unknown>> {
  const pins = report.artifacts.find((artifact) => artifact.stage === stage)?.pins;
  return typeof pins === 'object' && pins !== null ? { ...pins } : {};
}
