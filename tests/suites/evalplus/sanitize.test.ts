import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const fence = '```';
const program = join(packageRoot, 'src/suites/evalplus/sanitize.py');

async function sanitized(answer: string): Promise<string> {
  await using folder = await temporaryFolder();
  const path = await folder.write('answer.txt', answer);
  execFileSync('python3', [program, path, 'main', join(folder.path, 'code.py')]);
  return await readFile(join(folder.path, 'code.py'), 'utf8');
}

// What EvalPlus 0.3.1 makes of each, which was asked.
describe("EvalPlus's sanitize", () => {
  it('takes the longest run of lines that parses, and of it what the function needs', async () => {
    const code =
      'import re\nLIMIT = 3\nUNUSED = 4\nclass Box:\n    pass\ndef inner(x):\n    return f"{LIMIT}" or Box\ndef main(x):\n    return inner(x)';
    const example = `${fence}python\nprint(main(1))\n${fence}`;
    expect(
      await sanitized(`So it is:\n${fence}python\n${code}\nprint(main(2))\n${fence}\nFor example:\n${example}`),
    ).toBe(code.replace('UNUSED = 4\n', ''));
  });

  it('leaves out what is decorated, what returns nothing, and the future', async () => {
    const code =
      'from __future__ import annotations\nimport functools\n@functools.cache\ndef kept(x):\n    return x\ndef shown(x):\n    print(x)\ndef main(x):\n    shown(x)\n    return kept(x)';
    expect(await sanitized(code)).toBe('import functools\ndef main(x):\n    shown(x)\n    return kept(x)');
  });

  it('takes names from either side of an equals sign, and the first of several definitions', async () => {
    const code =
      'A, B = LIMIT\nLIMIT = 2\ntable = {}\ntable["x"] = main\ndef main(x):\n    return LIMIT\ndef main(x):\n    return 0';
    expect(await sanitized(code)).toBe('table = {}\ntable["x"] = main');
  });

  it('gives text without code back as it parses, or its first line', async () => {
    expect(await sanitized('I cannot do that.\nSorry for it.')).toBe('I cannot do that.');
  });
});
