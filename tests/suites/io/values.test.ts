import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { pythonForTests } from '../../support/python.js';

const python = pythonForTests?.python ?? '';
const hasNumpy = python !== '' && spawnSync(python, ['-c', 'import numpy']).status === 0;

describe.skipIf(!hasNumpy)('values that leave the sandbox', () => {
  it('come out as they were, and are as close to each other as numpy says', () => {
    const script = join(import.meta.dirname, 'close_cases.py');
    const { stdout, stderr, status } = spawnSync(python, [script, join(packageRoot, 'src/suites/io'), '3000'], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});
