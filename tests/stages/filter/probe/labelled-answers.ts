import { loadProbe } from '../../../../src/security/probing/probe-tasks.js';
import type { ServerScript } from '../../../support/openai-server.js';

/** An endpoint that answers a labelled task as it is labelled, except where it is told to be wrong, by the task's id. */
export function labelledAnswers(mistakes: Readonly<Record<string, object>>): ServerScript {
  const tasks = loadProbe();
  return ({ prompt }) => {
    // One task's text may be a part of another's.
    const task = tasks.find((candidate) => prompt.includes(`\n${candidate.prompt}\n`));
    if (task === undefined) return { kind: 'status', status: 400 };
    const right = {
      relevant: task.cwes.length > 0,
      cwes: task.cwes,
      confidence: 0.9,
      reason: `as ${task.id} is labelled`,
    };
    return { kind: 'answer', content: JSON.stringify({ ...right, ...mistakes[task.id] }) };
  };
}
