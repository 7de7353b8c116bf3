import { describe, expect, it } from 'vitest';
import { capture } from '../../../src/base/processes/capture.js';
import { startProcess } from '../../../src/base/processes/child-process.js';
import { PIPE_MAKERS, PlainPipes } from '../../../src/sandbox/runs/plain-pipes.js';

describe('plain pipes', () => {
  it.for(Object.entries(PIPE_MAKERS))(
    'of %s bring what is written and are over with their other end',
    async ([, script]) => {
      const pipes = new PlainPipes(script);
      // More than are made at once.
      for (let round = 0; round < 5; round += 1) {
        const [input, output] = [await pipes.toWrite(), await pipes.toRead()];
        const child = await startProcess({
          argv: ['/bin/sh', '-c', 'test -p /dev/stdout && cat'],
          cwd: '/',
          env: { PATH: '/usr/bin:/bin' },
          stdin: { file: input.path },
          stdout: { file: output.path },
        });
        for (const pipe of [input, output]) pipe.handedOver();
        input.stream.write(`round ${round}`, () => input.stream.destroy());
        const kept = capture(output.stream, { limitBytes: 100, overflow: 'stop' }, () => undefined);
        expect((await child.exited).exitCode).toBe(0);
        expect((await kept).text).toBe(`round ${round}`);
      }
    },
  );
});
