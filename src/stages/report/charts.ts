import type { TopLevelSpec } from 'vega-lite';
import type { Loss } from '../train/records.js';
import { Html, html } from './html.js';
import { chartInk } from './style.js';

/** Training loss over steps, as SVG: each step, the mean of its surroundings, and what was measured on samples that were set aside. */
export async function lossChart(losses: readonly Loss[]): Promise<Html | null> {
  const values = losses.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
  if (values.length === 0) return null;
  const around = Math.ceil(values.length / 50);
  const aside = losses.flatMap(({ step, holdout_loss: loss }) => (loss === undefined ? [] : [{ step, loss }]));
  const decades = decadesOf([...values, ...aside].map(({ loss }) => loss));
  const x = {
    field: 'step',
    type: 'quantitative',
    title: 'step',
    axis: { tickCount: 8, grid: false },
    scale: { nice: false },
  } as const;
  const y = {
    type: 'quantitative',
    title: 'loss',
    scale: { type: decades === null ? 'linear' : 'log' },
    axis: { format: '~g', tickCount: 5, ...(decades === null ? {} : { values: [...decades] }) },
  } as const;
  const color = chartInk.aside;
  const measured = {
    data: { values: aside },
    mark: { type: 'line' as const, color, strokeWidth: 2, strokeDash: [2, 3], point: { color } },
    encoding: { x, y: { field: 'loss', ...y } },
  };
  return svg({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'transparent',
    width: 860,
    height: 220,
    padding: 4,
    layer: [
      {
        data: { values },
        transform: [{ window: [{ op: 'mean', field: 'loss', as: 'mean' }], frame: [-around, around] }],
        layer: [
          {
            mark: { type: 'line', color: chartInk.faint, strokeWidth: 1 },
            encoding: { x, y: { field: 'loss', ...y } },
          },
          { mark: { type: 'line', color: chartInk.line, strokeWidth: 2 }, encoding: { x, y: { field: 'mean', ...y } } },
        ],
      },
      ...(aside.length === 0 ? [] : [measured]),
    ],
    config: {
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      axis: {
        gridColor: chartInk.grid,
        domainColor: chartInk.grid,
        tickColor: chartInk.grid,
        labelColor: chartInk.text,
        titleColor: chartInk.text,
        labelFontSize: 12,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        labelPadding: 6,
        titlePadding: 8,
      },
    },
  });
}

/** The powers of ten around losses that span so much that only a logarithmic axis shows their end; `null` for other losses. */
function decadesOf(losses: readonly number[]): readonly number[] | null {
  const least = losses.reduce((low, loss) => Math.min(low, loss), Number.POSITIVE_INFINITY);
  const most = losses.reduce((high, loss) => Math.max(high, loss), 0);
  if (least <= 0 || most / least < 20) return null;
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(most));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

/** A share between 0 and 1 with its interval, for `intervalPlot`. */
export interface PlottedShare {
  readonly name: 'base' | 'tuned';
  readonly value: number | null;
  readonly interval: readonly [number, number] | null;
}

/** Dots with intervals on a line from 0 to 100 %, one row each. Plain elements, so that they are as wide as their place. */
export function intervalPlot(shares: readonly PlottedShare[]): Html {
  const at = (share: number) => `${(share * 100).toFixed(1)}%`;
  return html`<div class="plot" aria-hidden="true">${shares.map(({ name, value, interval }) => {
    if (value === null) return html`<div class="${name}"></div>`;
    const [low, high] = interval ?? [value, value];
    return html`<div class="${name}"><i style="left:${at(low)};width:${at(high - low)}"></i><b style="left:${at(value)}"></b></div>`;
  })}</div>`;
}

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
