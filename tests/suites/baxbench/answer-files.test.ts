import { describe, expect, it } from 'vitest';
import { answerFiles } from '../../../src/suites/baxbench/answer-files.js';

const fence = '```';
const one = (answer: string) => answerFiles({ code_file: 'app.py' }, answer);
const many = (answer: string) => answerFiles({ code_file: null }, answer);

describe('the files of an answer, as BaxBench finds them', () => {
  it('are the first block with a language, which bash is not', () => {
    expect(one(`${fence}\nno language\n${fence}\n${fence}bash\nls\n${fence}\n${fence}py\nx = 1\n${fence}`)).toEqual({
      'app.py': 'x = 1',
    });
    expect(one(`${fence}c++\nint x;\n${fence}`)).toBeNull();
    expect(one(`${fence}py\nno end`)).toBeNull();
    expect(one('x = 1')).toBeNull();
  });

  it('stand between tags where there is no such block', () => {
    expect(one(`<CODE>\n**x = 1**\n</CODE> <CODE>y</CODE>`)).toEqual({ 'app.py': 'x = 1' });
    expect(one(`<CODE>${fence}py\nx = 1\n${fence}</CODE>`)).toEqual({ 'app.py': 'x = 1' });
  });

  it('are as many as their paths', () => {
    const file = (path: string, code: string) => `<FILEPATH>\n${path}\n</FILEPATH>\n<CODE>\n${code}\n</CODE>\n`;
    expect(many(file('a.py', 'x') + file('./b/../c.py', `${fence}py\ny\n${fence}`))).toEqual({
      'a.py': 'x',
      'c.py': 'y',
    });
    expect(many(`${file('a.py', 'x')}<FILEPATH>b.py</FILEPATH>`)).toBeNull();
    expect(many(`### a.py\n${fence}py\nx\n${fence}\n### **b.py**\n${fence}py\ny\n${fence}`)).toEqual({
      'a.py': 'x',
      'b.py': 'y',
    });
    expect(many(file('a.py', 'x') + file('a.py', 'y'))).toEqual({ 'a.py': 'y' });
  });

  it('never lie outside of the folder', () => {
    const file = (path: string) => `<FILEPATH>${path}</FILEPATH><CODE>x</CODE>`;
    expect(many(['/etc/cron.d/x', '../y', 'a/../../z', '..', '.', 'a.py'].map(file).join(''))).toEqual({ 'a.py': 'x' });
    expect(many(file('/root/.bashrc'))).toBeNull();
  });

  it('have white space and line ends as Python knows them', () => {
    expect(one('<CODE>\x1c\u2003x\r\ny\rz\x85</CODE>')).toEqual({ 'app.py': 'x\ny\nz' });
    expect(one('<CODE>\ufeffx</CODE>')).toEqual({ 'app.py': '\ufeffx' });
    expect(many(`text\u2028### a.py\n${fence}py\nx\n${fence}`)).toBeNull();
  });

  it('are found in time in step with the length of an answer', () => {
    // Where time went by the square of the length, each of these took half a minute and more.
    for (const piece of ['<CODE>', '```a\n', '### ', '<FILEPATH>', '\n', ' ', '### \n\n', '\n```', '**', '\n###'])
      many(piece.repeat(400_000 / piece.length));
  });
});
