import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeTextAtomic } from '../../base/files/atomic-file.js';
import type { Sha256 } from '../../base/hash.js';
import type { Manifest } from '../../engine/artifacts/artifact.js';
import { inspectArtifact } from '../../engine/artifacts/artifact-store.js';
import type { RunFinished } from '../../engine/runs/event.js';
import { readRun } from '../../engine/runs/run-record.js';
import type { StateDirectory } from '../../engine/state-directory.js';
import { Html } from '../../stages/report/html.js';
import { LOSS_CHART, type ReportData, type ReportRun } from '../../stages/report/report-data.js';
import type { CliEnvironment } from '../environment.js';

/** Name of the report in a run's folder. */
export const REPORT = 'report.html';

/**
 * Writes the run's own report: the report stage's page, plus what only a run knows (times, cost, host). Those stay out of
 * the artifact, so that artifacts reproduce byte for byte. Resolves to its path, or `undefined` when the run made no report.
 */
export async function writeRunReport(
  state: StateDirectory,
  finished: RunFinished,
  environment: CliEnvironment,
): Promise<string | undefined> {
  const manifests = new Map<string, Manifest>();
  let data: ReportData | undefined;
  let chart: Html | null = null;
  for (const { stage, fingerprint, outcome } of finished.stages) {
    if (fingerprint === null || (outcome !== 'done' && outcome !== 'cached')) continue;
    const artifact = await artifactOf(state, stage, fingerprint);
    if (artifact === undefined) continue;
    manifests.set(stage, artifact.manifest);
    if (stage !== 'report') continue;
    data = (await artifact.json('report.json', z.unknown())) as ReportData;
    chart = await readFile(artifact.path(LOSS_CHART), 'utf8').then(
      (svg) => new Html(svg),
      () => null,
    );
  }
  if (data === undefined) return undefined;
  const record = await readRun(state, finished.run);
  const run: ReportRun = {
    run: finished.run,
    outcome: finished.outcome,
    started_at: record?.started_at ?? '',
    seconds: finished.seconds,
    version: environment.version,
    host: hostname(),
    stages: finished.stages.map(({ stage, outcome, seconds }) => ({
      stage,
      outcome,
      seconds,
      made_in_seconds: manifests.get(stage)?.seconds ?? null,
      cost_usd: manifests.get(stage)?.cost_usd ?? 0,
    })),
  };
  const { renderReport } = await import('../../stages/report/render.js');
  const path = join(state.run(finished.run), REPORT);
  await writeTextAtomic(path, environment.redact(await renderReport(data, run, chart)));
  return path;
}

async function artifactOf(state: StateDirectory, stage: string, fingerprint: Sha256) {
  const found = await inspectArtifact(state, stage, fingerprint);
  return found.state === 'whole' ? found.artifact : undefined;
}
