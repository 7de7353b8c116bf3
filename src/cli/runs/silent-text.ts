import { SILENCE_SECONDS } from '../../base/locks/heartbeat.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import { oneLine } from '../views/printable.js';

/** Of a run that cannot be seen from here, and was followed for as long as it takes to be taken for dead. */
export function silentText({ run, owner }: RunRecord): string {
  const host = oneLine(owner?.host ?? 'another machine');
  return `run ${run}, which was started on ${host}, has given no sign of life for ${SILENCE_SECONDS / 60} minutes`;
}
