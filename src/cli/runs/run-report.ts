import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { writeTextAtomic } from '../../base/files/atomic-file.js';
import { readRun } from '../../engine/runs/run-record.js';
import type { RunResult } from '../../engine/runs/runner.js';
import { Html } from '../../stages/report/html.js';
import { LOSS_CHART, type ReportData, type ReportRun } from '../../stages/report/report-data.js';
import type { CliEnvironment } from '../environment.js';
import { trainingRate } from './training-rate.js';

/** Name of the report in a run's folder. */
export const REPORT = 'report.html';

/**
 * Writes the run's own report: the report stage's page, plus what only a run knows (times, cost, host). Those stay out of
 * the artifact, so that artifacts reproduce byte for byte. Resolves to its path, or `undefined` when the run made no report.
 */
export async function writeRunReport(
  { finished, artifacts }: RunResult,
  environment: CliEnvironment,
): Promise<string | undefined> {
  const page = artifacts.get('report');
  if (page === undefined) return undefined;
  const { state } = environment;
  const data = (await page.json('report.json', z.unknown())) as ReportData;
  const hasChart = page.manifest.outputs.some((file) => file.path === LOSS_CHART);
  const chart = hasChart ? new Html(await readFile(page.path(LOSS_CHART), 'utf8')) : null;
  const record = await readRun(state, finished.run);
  const training = await trainingRate(state, finished.run);
  const run: ReportRun = {
    run: finished.run,
    ...(record?.member === undefined ? {} : { member: record.member.name }),
    outcome: finished.outcome,
    started_at: record?.started_at ?? '',
    seconds: finished.seconds,
    version: environment.version,
    host: hostname(),
    ...(training === undefined ? {} : { training }),
    stages: finished.stages.map(({ stage, outcome, seconds }) => ({
      stage,
      outcome,
      seconds,
      made_in_seconds: artifacts.get(stage)?.manifest.seconds ?? null,
      cost_usd: artifacts.get(stage)?.manifest.cost_usd ?? 0,
    })),
  };
  const { renderReport } = await import('../../stages/report/render.js');
  const path = join(state.run(finished.run), REPORT);
  await writeTextAtomic(path, environment.redact(await renderReport(data, run, chart)));
  return path;
}
