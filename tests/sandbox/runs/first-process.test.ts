import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startProcess } from '../../../src/base/processes/child-process.js';
import { diesWithUs } from '../../../src/sandbox/runs/first-process.js';

it('lets nothing begin while the first process has not asked to die with secpi', async () => {
  // It takes the filter right after that, so without a filter it has not.
  const process = await startProcess({ argv: ['/bin/sh', '-c', 'read -r line'], cwd: '/', env: {}, stdin: 'hold' });
  let over = false;
  const waiting = diesWithUs(process.pid).then(() => {
    over = true;
  });
  await sleep(30);
  expect(over).toBe(false);
  await process.stop();
  // Nor for ever for one that is gone.
  await waiting;
  expect(over).toBe(true);
});
