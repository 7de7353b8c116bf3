import { describe, expect, it } from 'vitest';
import { askProgram } from '../../../src/base/processes/ask-program.js';

const env = { PATH: '/usr/bin:/bin' };

describe('askProgram', () => {
  it('gives what the program printed, trimmed, and passes on only the given environment', async () => {
    expect(await askProgram(['sh', '-c', 'echo " 1.2 "; echo noise >&2; cat'], env)).toBe('1.2');
    expect(await askProgram(['/usr/bin/env'], { ONLY: 'this' })).toBe('ONLY=this');
  });

  it('gives null for a program that is missing, fails, hangs or talks too much', async () => {
    expect(await askProgram(['no-such-program'], env)).toBeNull();
    expect(await askProgram(['sh', '-c', 'echo 1; exit 2'], env)).toBeNull();
    expect(await askProgram(['sleep', '100'], env, 0.1)).toBeNull();
    expect(await askProgram(['yes'], env)).toBeNull();
  });

  it('needs a program', async () => {
    await expect(askProgram([], env)).rejects.toThrow('argv is empty');
  });
});
