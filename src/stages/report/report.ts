import * as z from 'zod';
import { defineStage } from '../../engine/stage.js';
import type { SecpiStage, StageServices } from '../services.js';
import { lossChart } from './charts.js';
import { gather } from './gather.js';
import { renderReport } from './render.js';
import { LOSS_CHART } from './report-data.js';

/** The recipe's part. */
export const reportParams = z.strictObject({
  title: z.string().optional(),
});

/** With what the pipeline adds about the rest of the recipe. */
const params = reportParams.extend({
  recipe: z.string(),
  description: z.string().or(z.undefined()),
});
export type ReportParams = z.infer<typeof params>;
export type ReportInput = 'tasks' | 'relevant' | 'traces' | 'samples' | 'base' | 'trained' | 'scores';

/** One self-contained page with everything that was measured; reads without network and without scripts. */
export const report: SecpiStage<ReportParams, ReportInput> = defineStage<ReportParams, ReportInput, StageServices>({
  name: 'report',
  version: 5,
  params,
  inputs: ['tasks', 'relevant', 'traces', 'samples', 'base', 'trained', 'scores'],
  seeded: false,

  async pins({ services }) {
    // For the names of the weaknesses.
    return { catalogue: services.catalogueDigest };
  },

  async run(context) {
    const data = await gather(context);
    await context.output.json('report.json', data);
    const chart = await lossChart(data.losses);
    if (chart !== null) await context.output.text(LOSS_CHART, chart.toString());
    await context.output.text('report.html', await renderReport(data, undefined, chart));
    return { counts: { suites: data.suites.length, traces: data.traces.length, comparisons: data.answers.length } };
  },
});
