import { readFile, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readLock } from '../../../src/base/locks/lock.js';
import { listManifests } from '../../../src/engine/artifacts/artifact-store.js';
import { whenAborted } from '../../support/when-aborted.js';
import { Gate, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

describe('a lock that is taken from a run that is alive', () => {
  it.each(['while it waits', 'and it only notices at the commit', 'and then something else goes wrong'])(
    'ends it with a word about that, %s, and nothing of it is committed',
    async (when) => {
      await using home = await temporaryState();
      const [begun, stolen] = [new Gate(), new Gate()];
      const graph = smallFlow({
        name: 'train',
        run: async ({ output, signal }) => {
          begun.open();
          await stolen.passed();
          if (when === 'while it waits') {
            await whenAborted(signal);
            throw signal.reason;
          }
          if (when.includes('goes wrong')) throw new TypeError('no such file: its folder was moved away');
          await output.text('model', 'mine');
          return { counts: {} };
        },
      });
      const run = runDemo(home, {
        graph,
        lockTimes: { beatSeconds: when === 'while it waits' ? 0.02 : 60, silenceSeconds: 120 },
        onEvent: (event) => {
          if (event.type === 'stage-started') fingerprint = event.fingerprint;
        },
      });
      let fingerprint: Parameters<typeof home.state.lock>[0] | undefined;
      await begun.passed();
      if (fingerprint === undefined) throw new Error('not started');
      const path = home.state.lock(fingerprint);
      const record = { ...(await readLock(path)), nonce: 'thief' };
      // As a thief does it: at no moment is there half a record.
      await writeFile(`${path}.thief`, JSON.stringify(record));
      await rename(`${path}.thief`, path);
      stolen.open();
      const { finished, exitCode } = await run;
      expect(exitCode).toBe(1);
      expect(finished.error).toMatchObject({
        code: 'base/lock-lost',
        message: expect.stringContaining('another process has taken over'),
      });
      expect(await listManifests(home.state, 'train')).toEqual([]);
      expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ nonce: 'thief' });
    },
  );
});
