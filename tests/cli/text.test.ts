import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continueCommand } from '../../src/cli/recipes/continue-command.js';
import { Curve } from '../../src/cli/views/curve.js';
import { amount, bar, bytes, duration, money, roughly, speed, wrapped } from '../../src/cli/views/format.js';
import { beginningOf, oneLine, printable } from '../../src/cli/views/printable.js';
import { styleFor } from '../../src/cli/views/style.js';
import type { StageOutcome } from '../../src/engine/runs/event.js';

describe('printable', () => {
  it('takes out what steers a terminal, and keeps the text', () => {
    expect(printable('a\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007b\r\nc\td\u202e!')).toBe('ared b\nc  d!');
  });

  it('lets no control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
        expect(printable(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        expect(oneLine(text, 20)).not.toContain('\n');
        expect([...oneLine(text, 20)].length).toBeLessThanOrEqual(20);
      }),
    );
  });
});

describe('oneLine', () => {
  it('takes time that is linear in the blanks, with and without breaks among them', () => {
    const blanks = ' '.repeat(300_000);
    // A pattern that goes through the blanks again from each of them would take minutes.
    const started = performance.now();
    expect(oneLine(`a${blanks}b`)).toBe(`a${blanks}b`);
    expect(oneLine(`a${blanks}\n${blanks}b${'\n'.repeat(300_000)}c${' \n'.repeat(300_000)}`)).toBe('a b c');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('clips a text of any length before it looks at it', () => {
    expect(beginningOf('a\nb', 20)).toBe('a b');
    expect(beginningOf(`a${' '.repeat(10_000)}b`, 20)).toBe(`a…`);
    expect(beginningOf('x'.repeat(10_000), 20)).toBe(`${'x'.repeat(19)}…`);
    expect(beginningOf('x'.repeat(20), 20)).toBe('x'.repeat(20));
  });
});

describe('numbers for people', () => {
  it('have units that fit their size', () => {
    expect([0, 0.44, 9.96, 59.6, 80, 3599.7, 7500].map(duration)).toEqual([
      ...['0.0 s', '0.4 s', '10 s', '1 min 0 s', '1 min 20 s', '1 h 0 min', '2 h 5 min'],
    ]);
    expect([0.2, 59, 80, 5399, 9000].map(roughly)).toEqual(['1 s', '59 s', '1 min', '90 min', '2.5 h']);
    expect([0, 950, 1234, 61_000, 999_600, 1.2e6, 5e9, 3e12].map(amount)).toEqual([
      ...['0', '950', '1.2k', '61k', '1.0M', '1.2M', '5.0G', '3.0T'],
    ]);
    expect([0, 0.000412, 0.12, 99, 1234.5].map(money)).toEqual(['$0', '$0.0004', '$0.12', '$99.00', '$1235']);
    expect([12, 1536, 70 * 1024 ** 3].map(bytes)).toEqual(['12 B', '1.5 KiB', '70 GiB']);
    expect([42, 1.04, 0.2].map(speed)).toEqual(['42/s', '1.0/s', '12/min']);
  });

  it('durations never read 60 s or 60 min', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (seconds) => {
        expect(duration(seconds)).not.toMatch(/\b60 (s|min)\b/);
      }),
    );
  });

  it('bars have their width', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.nat(40), (share, width) => {
        expect(bar(share, width)).toHaveLength(width);
      }),
    );
  });

  it('wrapping loses no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^\w{1,30}$/), { minLength: 1 }),
        fc.integer({ min: 20, max: 60 }),
        (words, width) => {
          const lines = wrapped(words.join(' '), width);
          expect(lines.join(' ')).toBe(words.join(' '));
          expect(lines.filter((line) => line.length > width && line.includes(' '))).toEqual([]);
        },
      ),
    );
  });
});

describe('a curve', () => {
  it('falls when its values fall, however many they are', () => {
    for (const length of [2, 5, 300, 5000]) {
      const curve = new Curve();
      for (let step = 0; step < length; step += 1) curve.add(length - step);
      const line = curve.sparkline(8);
      expect([...line]).toEqual([...line].sort().toReversed());
      expect([...line].length).toBe(Math.min(8, length));
      expect(line.startsWith('█') && line.endsWith('▁')).toBe(true);
      expect(curve.last).toBe(1);
    }
  });

  it('of one value or none is no line, and of equal values a flat one', () => {
    const curve = new Curve();
    expect(curve.sparkline(8)).toBe('');
    curve.add(1);
    expect(curve.sparkline(8)).toBe('');
    curve.add(1);
    expect(curve.sparkline(8)).toBe('▁▁');
  });
});

describe('colours', () => {
  const coloured = (isTTY: boolean, variables: Record<string, string>) =>
    styleFor({ isTTY }, variables)('red', 'x') !== 'x';

  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '', NO_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
  ])('terminal: %s, %j', (isTTY, variables, expected) => {
    expect(coloured(isTTY, variables as Record<string, string>)).toBe(expected);
  });
});

describe('the command to continue', () => {
  it('is the same one, without what was forced and is done, and survives a shell', () => {
    const options = {
      set: ["name=it's"],
      until: 'train',
      member: [],
      only: [],
      force: ['filter', 'train'],
      keepWork: true,
    };
    const stage = (name: string, outcome: StageOutcome) => ({ stage: name, outcome, fingerprint: null, seconds: 0 });
    expect(continueCommand('my recipe.yaml', options, [stage('filter', 'done'), stage('train', 'stopped')])).toBe(
      `secpi run 'my recipe.yaml' --set 'name=it'\\''s' --until train --force train --keep-work`,
    );
    expect(continueCommand('r.yaml', { ...options, set: [] }, [])).toContain('--force filter --force train');
  });

  it('can be pasted into a shell, whatever is overridden', async () => {
    const set = [
      'evaluate.gates.min_gain."mini.func_sec_at_1"=0.05',
      "evaluate.gates.min_gain.'mini.func_at_1'=0.05",
      'collect.sources[0].file=~/x y/*.jsonl',
      'description="$HOME `id` \\u00e9 !! \n"',
      'name=',
    ];
    const command = continueCommand('r.yaml', { set, member: [], only: [], force: [] }, []);
    const { stdout } = await execa('sh', ['-c', `secpi() { printf '%s\\0' "$@"; }; ${command}`]);
    expect(stdout.split('\0').slice(0, -1)).toEqual([
      'run',
      'r.yaml',
      ...set.flatMap((override) => ['--set', override]),
    ]);
  });
});
