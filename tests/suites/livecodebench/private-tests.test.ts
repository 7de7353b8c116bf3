import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { filesOf, VERSION_TAG } from '../../../src/suites/livecodebench/pins.js';
import { hiddenText, pickledText } from '../../../src/suites/livecodebench/private-tests.js';

/** A text as Python's pickle writes it, protocol 4: a short one, and one whose length takes four bytes. */
const short = Buffer.from('800495060000000000000' + '08c025b5d942e', 'hex');
const long = Buffer.concat([Buffer.from('80045804000000', 'hex'), Buffer.from('[{}]'), Buffer.from('942e', 'hex')]);

describe('hidden tests', () => {
  it('are read out of a pickle that is nothing but a text', () => {
    expect(pickledText(short)).toBe('[]');
    expect(pickledText(long)).toBe('[{}]');
    expect(hiddenText(deflateSync(long).toString('base64'))).toBe('[{}]');
    expect(hiddenText('[1]')).toBe('[1]');
  });

  it('are not executed, whatever the pickle would do', () => {
    // `os.system('true')`
    expect(() => pickledText(Buffer.from("cos\nsystem\n(S'true'\ntR."))).toThrow('not the pickle of a text');
    expect(() => pickledText(long.subarray(0, 9))).toThrow('cut off');
  });
});

describe('versions of LiveCodeBench', () => {
  const names = (tag: string) => filesOf(tag).map(({ name }) => /test(\d?)\.jsonl/.exec(name)?.[1]);

  it('are the files that each of them added', () => {
    expect(names('release_v3')).toEqual(['', '2', '3']);
    expect(names('v6')).toEqual(['6']);
    expect(names('v4_v6')).toEqual(['4', '5', '6']);
    expect(['release_v7', 'v0', 'v1_', 'release_v1_v2'].filter((tag) => VERSION_TAG.test(tag))).toEqual([]);
  });
});
