import { describe, expect, it } from 'vitest';
import { codeIn, pythonLines } from '../../../src/suites/cweval/answer-code.js';

const fence = '```';

describe("the code of an answer by CWEval's rule", () => {
  it('is the first block, whatever its tag, or the last one where that is asked for', () => {
    const answer = `Run\n${fence}bash\nmake\n${fence}\nor\n${fence}c\nint x;\n${fence}\n`;
    expect(codeIn(answer, 'first')).toBe('make');
    expect(codeIn(answer, 'last')).toBe('int x;');
  });

  it('reaches to the end where a block is not closed, and to a fence within a text', () => {
    expect(codeIn(`${fence}py\na = 1\nb = 2`, 'first')).toBe('a = 1\nb = 2');
    expect(codeIn(`${fence}py\na = """\n${fence}\n"""\n${fence}`, 'first')).toBe('a = """');
  });

  it('takes no indented fence for one, and is all of an answer without a block or with an empty one', () => {
    expect(codeIn(`  ${fence}\nx\n  ${fence}\n`, 'first')).toBe(`  ${fence}\nx\n  ${fence}\n`);
    expect(codeIn('I cannot do that.\r\nSorry.\r', 'last')).toBe('I cannot do that.\nSorry.\n');
    expect(codeIn(`${fence}\n${fence}\nreal`, 'first')).toBe(`${fence}\n${fence}\nreal`);
  });

  it('is nothing where there is no text', () => {
    expect(codeIn(' \n', 'first')).toBeNull();
  });

  it('knows the line ends of Python', () => {
    expect(pythonLines('a\x0cb\u2028c\x1ed\r\ne\n')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(pythonLines('')).toEqual([]);
    expect(pythonLines('a\n\n')).toEqual(['a', '']);
  });
});
