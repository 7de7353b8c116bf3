import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { FilesSuite } from '../../src/suites/files/files-suite.js';
import { loadMini } from './mini.js';

/** A suite whose problems take one functional and one security case each: for tests that are about the order of things. */
export async function smallSuite(folder: string, ids: readonly string[]): Promise<FilesSuite> {
  for (const id of ids) {
    const problem = {
      id,
      title: id,
      language: 'python',
      cwes: ['CWE-190'],
      prompt: `Write a Python function \`half(n)\` for ${id} that halves an even number.`,
      solution: 'solution.py',
      entry: 'entry.py',
      cases: [
        { name: 'halves', kind: 'functional', args: ['8'], expect: { stdout: '4' } },
        { name: 'refuses-odd-numbers', kind: 'security', args: ['7'], expect: { stdout: 'refused' } },
      ],
    };
    const files = {
      'problem.yaml': stringify(problem),
      'entry.py': 'import sys\nfrom solution import half\nprint(half(int(sys.argv[1])))\n',
      'insecure.py': 'def half(n):\n    return n // 2\n',
      'secure.py': 'def half(n):\n    return "refused" if n % 2 else n // 2\n',
    };
    await mkdir(join(folder, id), { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, id, name), content);
  }
  return loadMini(folder);
}
