import { type GarbagePlan, type Item, KINDS, planGarbage } from '../../engine/garbage/plan-garbage.js';
import { type Swept, sweep } from '../../engine/garbage/sweep.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { bytes } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { styleFor } from '../views/style.js';

export interface GcOptions extends OutputOptions {
  readonly yes?: boolean;
  readonly keepRuns?: number;
  readonly maxSize?: number;
  readonly damaged?: boolean;
  readonly answers?: boolean;
}

/** `secpi gc`: what lies in the state folder and what of it nothing needs any more; with `--yes` that is removed. */
export async function gcCommand(options: GcOptions, environment: CliEnvironment): Promise<number> {
  const { state, stdout } = environment;
  using interrupt = abortOnSignals();
  const { keepRuns, damaged, answers } = options;
  const plan = await planGarbage(state, { keepRuns, maxBytes: options.maxSize, damaged, answers });
  const swept = options.yes === true ? await sweep(state, plan.items, interrupt.signal) : undefined;
  if (options.json === true) {
    for (const item of plan.items) writeJson({ type: 'gc-item', ...item }, environment);
    writeJson({ type: 'gc', removed: swept !== undefined, ...totals(plan, swept) }, environment);
  } else {
    stdout.write(environment.redact(text(plan, swept, environment)));
  }
  return 0;
}

function totals({ items, kept, tooLarge }: GarbagePlan, swept: Swept | undefined) {
  const garbage = swept?.removed ?? items.filter((item) => item.garbage);
  return {
    runs_kept: kept.map(({ run }) => run),
    bytes: sizeOf(items),
    garbage_bytes: sizeOf(garbage),
    spared: swept?.spared.length ?? 0,
    too_large: tooLarge,
  };
}

function sizeOf(items: readonly Item[]): number {
  return items.reduce((sum, item) => sum + item.bytes, 0);
}

function text(plan: GarbagePlan, swept: Swept | undefined, environment: CliEnvironment): string {
  const style = styleFor(environment.stdout, environment.variables);
  const gone = swept?.removed ?? plan.items.filter((item) => item.garbage);
  const rows = KINDS.flatMap((kind) => {
    const all = plan.items.filter((item) => item.kind === kind);
    if (all.length === 0) return [];
    const going = gone.filter((item) => item.kind === kind);
    return [[kind, String(all.length), bytes(sizeOf(all)), String(going.length), bytes(sizeOf(going))]];
  });
  const verb = swept === undefined ? 'would go' : 'removed';
  const head = ['', 'there', 'size', verb, 'size'];
  const table = plainTable(rows, { head, align: ['left', 'right', 'right', 'right', 'right'], style });
  const freed = bytes(sizeOf(gone));
  const where = shownPath(environment.state.root, environment);
  const lines = [
    ...(rows.length === 0 ? [`nothing in ${where}`] : [table, '']),
    ...(swept === undefined
      ? [gone.length === 0 ? 'Nothing to remove.' : `${freed} would be freed. Nothing was removed: add --yes for that.`]
      : [`${freed} freed in ${where}.`]),
    ...(swept !== undefined && swept.spared.length > 0
      ? [`${swept.spared.length} stayed, because a run has begun to use them.`]
      : []),
    ...(plan.tooLarge
      ? [
          style(
            'yellow',
            'What is left is more than --max-size allows: the newest run and live ones are never dropped.',
          ),
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
