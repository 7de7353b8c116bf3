import { SILENCE_SECONDS } from '../../base/locks/heartbeat.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import { oneLine } from '../views/printable.js';

/** Where a run was started that cannot be seen from here. */
export function hostOf({ owner }: RunRecord): string {
  return oneLine(owner?.host ?? 'another machine');
}

/** Of such a run, with `also` for what else is known of it. */
export function elsewhereText(record: RunRecord, also = ''): string {
  return `run ${record.run} was started on ${hostOf(record)}${also}; whether it still runs cannot be told from here`;
}

/** Of such a run that was followed for as long as it takes to be taken for dead. */
export function silentText(record: RunRecord): string {
  return `run ${record.run}, which was started on ${hostOf(record)}, has given no sign of life for ${SILENCE_SECONDS / 60} minutes`;
}
