import { posix } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { AgentLine } from '../../compute/jobs/job.js';
import { knownJobs } from '../../compute/jobs/known-jobs.js';
import { openPlace, ownerOf } from '../../compute/open-target.js';
import { unreachable } from '../../compute/places/place.js';
import { neededElsewhere } from '../../engine/garbage/needed-elsewhere.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { readTarget } from '../recipes/read-target.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { bytes } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { styleFor } from '../views/style.js';

export interface GcTargetOptions extends OutputOptions {
  /** A name under the recipe's `compute`. */
  readonly target?: string;
  readonly recipe?: string;
  readonly yes?: boolean;
  readonly unusedDays?: number;
}

type Stored = Extract<AgentLine, { type: 'stored' }>;

/** Long enough for a run that was left lying over a holiday. */
const UNUSED_DAYS = 30;

/** `secpi gc --target`: what lies below a target's root and what of it nobody has used for long; with `--yes` that is removed. */
export async function gcTarget(options: GcTargetOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const { target, yes = false, unusedDays = UNUSED_DAYS } = options;
  if (target === undefined) {
    throw new SecpiError('usage/no-target', '--recipe and --unused-days are about a target, and none is named', {
      hint: 'Add `--target NAME`. Without these, `secpi gc` clears the state folder here.',
      exitCode: 2,
    });
  }
  if (unusedDays < 1) {
    throw new SecpiError('usage/unused-days', '--unused-days must be at least 1', {
      hint: 'What was used today may belong to a job that is being brought there.',
      exitCode: 2,
    });
  }
  const { spec, means, root } = await readTarget(options.recipe, target, environment);
  if (root === undefined) {
    throw new SecpiError('usage/gc-target', `${target} is this machine: nothing of secpi's lies elsewhere on it`, {
      hint: '`secpi gc` without --target clears the state folder.',
      exitCode: 2,
    });
  }
  const place = openPlace(spec, means);
  const known = await knownJobs(environment.state.works);
  const staying = [...known.kept, ...(await neededElsewhere(environment.state))];
  const request = {
    root,
    jobs: known.names,
    // The names that they have among the inputs there.
    kept: staying
      .filter(({ machine }) => machine === place.name)
      .map(({ path }) => posix.basename(posix.dirname(path))),
    owner: ownerOf(environment.state),
    unused_seconds: unusedDays * 86_400,
    remove: yes,
  };
  const stored: Stored[] = [];
  for await (const line of place.ask('garbage', request, interrupt.signal)) {
    if (line.type === 'stored') stored.push(line);
  }
  // The agent that answers lies there itself.
  if (stored.length === 0) throw unreachable(place.name);
  if (options.json === true) {
    for (const { type: _, ...item } of stored) writeJson({ type: 'gc-item', target, ...item }, environment);
    const garbage = sizeOf(stored.filter((item) => (yes ? item.removed : item.garbage)));
    writeJson({ type: 'gc', target, removed: yes, bytes: sizeOf(stored), garbage_bytes: garbage }, environment);
  } else {
    environment.stdout.write(environment.redact(text(stored, { target, yes }, environment)));
  }
  return 0;
}

function sizeOf(items: readonly Stored[]): number {
  return items.reduce((sum, item) => sum + item.bytes, 0);
}

function text(
  stored: readonly Stored[],
  { target, yes }: { readonly target: string; readonly yes: boolean },
  environment: CliEnvironment,
): string {
  const isGone = (item: Stored): boolean => (yes ? item.removed : item.garbage);
  const rows = [...new Set(stored.map(({ kind }) => kind))].map((kind) => {
    const all = stored.filter((item) => item.kind === kind);
    const gone = all.filter(isGone);
    return [kind, String(all.length), bytes(sizeOf(all)), String(gone.length), bytes(sizeOf(gone))];
  });
  const style = styleFor(environment.stdout, environment.variables);
  const head = ['', 'there', 'size', yes ? 'removed' : 'would go', 'size'];
  const table = plainTable(rows, { head, align: ['left', 'right', 'right', 'right', 'right'], style });
  const gone = stored.filter(isGone);
  const freed = bytes(sizeOf(gone));
  const spared = stored.filter((item) => yes && item.garbage && !item.removed);
  const lines = [
    table,
    '',
    ...(yes
      ? [`${freed} freed on ${target}.`]
      : [
          gone.length === 0
            ? 'Nothing to remove.'
            : `${freed} would be freed. Nothing was removed: add --yes for that.`,
        ]),
    ...(spared.length === 0 ? [] : [`${spared.length} stayed, because a run has begun to use them.`]),
  ];
  return `${lines.join('\n')}\n`;
}
