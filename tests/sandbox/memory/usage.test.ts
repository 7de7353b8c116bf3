import { describe, expect, it } from 'vitest';
import { ownShare, privateBytes, sharedMappings } from '../../../src/sandbox/memory/usage.js';

describe('what a process holds', () => {
  it('is its private pages, in memory and swapped out, and their tables', () => {
    const status =
      'VmRSS:\t  900 kB\nRssAnon:\t     100 kB\nRssFile:\t 700 kB\nRssShmem:\t 100 kB\nVmPTE:\t  20 kB\nVmSwap:\t 3 kB\n';
    expect(privateBytes(status)).toBe(123 * 1024);
    expect(privateBytes('State:\tZ (zombie)\n')).toBe(0);
  });

  it('is its share of those that it has in common with others', () => {
    expect(ownShare('Rss:   900 kB\nPss:  500 kB\nPss_Anon:  40 kB\nPss_File:  460 kB\nSwapPss:   2 kB\n')).toBe(
      42 * 1024,
    );
  });

  it('is all of what is shared without a file, by what it is', () => {
    const maps = [
      '7f00-8f00 rw-s 00000000 00:01 17                         /dev/zero (deleted)',
      '9f00-a000 rw-s 00001000 00:01 17                         /dev/zero (deleted)',
      'a000-a100 r--s 00000000 00:01 18                         /memfd:with a name (deleted)',
      'b000-b100 rw-s 00000000 00:01 19                         /SYSV00000000 (deleted)',
      'c000-ff00 rw-p 00000000 00:00 0                          [heap]',
      'd000-ff00 r-xp 00000000 08:01 20                         /usr/lib/libc.so.6',
      'e000-ff00 rw-s 00000000 00:30 21                         /tmp/file',
    ].join('\n');
    expect(Object.fromEntries(sharedMappings(maps))).toEqual({
      '00:01 17': 0x1100,
      '00:01 18': 0x100,
      '00:01 19': 0x100,
    });
  });
});
