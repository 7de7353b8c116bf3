import type { RunState } from '../../engine/runs/run-record.js';
import type { Style } from './style.js';

/** Colours of a run's states. */
export const runStateStyles: Readonly<Record<RunState, Parameters<Style>[0]>> = {
  done: 'green',
  running: 'cyan',
  failed: 'red',
  gate: 'red',
  interrupted: 'yellow',
  detached: 'yellow',
  died: 'red',
  unknown: 'yellow',
  unreadable: 'red',
};
