import type { TopLevelSpec } from 'vega-lite';
import type { Loss } from '../train/records.js';
import { Html } from './html.js';
import type { ReportSuite } from './report-data.js';

const baseColour = '#b4541a';
const tunedColour = '#1a6f8f';

/** Training loss over steps, as SVG. */
export async function lossChart(losses: readonly Loss[]): Promise<Html> {
  const values = losses.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
  return svg({
    ...frame,
    width: 620,
    height: 180,
    data: { values },
    mark: { type: 'line', color: tunedColour, strokeWidth: 1.5 },
    encoding: {
      x: { field: 'step', type: 'quantitative', title: 'step' },
      y: { field: 'loss', type: 'quantitative', title: 'loss (log)', scale: { type: 'log' } },
    },
  });
}

/** Base against tuned for the three figures of a suite: dots with 95 % intervals, as SVG. */
export async function comparisonChart(suite: ReportSuite): Promise<Html> {
  const figures = [
    ['func@1', 'func_at_1'],
    ['func-sec@1', 'func_sec_at_1'],
    ['SecRatio', 'sec_ratio'],
  ] as const;
  const values = figures.flatMap(([figure, key]) =>
    (['base', 'tuned'] as const).flatMap((variant) => {
      const value = suite[variant][key];
      const interval = suite[variant].intervals[key];
      return value === null
        ? []
        : [{ figure, variant, value, low: interval?.[0] ?? value, high: interval?.[1] ?? value }];
    }),
  );
  const y = { field: 'variant', type: 'nominal', axis: null, sort: ['base', 'tuned'] } as const;
  const color = {
    field: 'variant',
    type: 'nominal',
    scale: { domain: ['base', 'tuned'], range: [baseColour, tunedColour] },
    title: null,
  } as const;
  return svg({
    ...frame,
    data: { values },
    facet: {
      row: {
        field: 'figure',
        type: 'nominal',
        sort: figures.map(([figure]) => figure),
        title: null,
        header: { labelAngle: 0, labelAlign: 'left', labelFontSize: 12 },
      },
    },
    spacing: 6,
    spec: {
      width: 480,
      height: 34,
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: {
            x: { field: 'low', type: 'quantitative', scale: { domain: [0, 1] }, axis: { format: '.0%', title: null } },
            x2: { field: 'high' },
            y,
            color,
          },
        },
        {
          mark: { type: 'point', filled: true, size: 90, opacity: 1 },
          encoding: { x: { field: 'value', type: 'quantitative' }, y, color },
        },
      ],
    },
  });
}

const frame = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'transparent',
  config: {
    font: 'system-ui, sans-serif',
    view: { stroke: null },
    axis: {
      gridColor: '#8884',
      domainColor: '#888',
      tickColor: '#888',
      labelColor: '#777',
      titleColor: '#777',
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: 'normal',
    },
    legend: { labelColor: '#777', orient: 'top' },
    header: { labelColor: '#777' },
  },
} as const;

/** Drawn here, so that the report needs no script. Loaded late: the two libraries cost more start-up than all of secpi. */
async function svg(spec: TopLevelSpec): Promise<Html> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  try {
    return new Html(await view.toSVG());
  } finally {
    view.finalize();
  }
}
