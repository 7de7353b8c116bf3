import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completed } from '../../../src/suites/cweval/program.js';
import { readTasks } from '../../../src/suites/cweval/tasks.js';

describe('the program of an answer', () => {
  it('has the headers of its language before it and the program that calls it after it, but in Python', async () => {
    const tasks = await readTasks(join(import.meta.dirname, 'fixtures', 'checkout'));
    const programs = ['core/c/cwe_079_0_c', 'core/js/cwe_079_0_js', 'core/py/cwe_079_0'].map((id) => {
      const task = tasks.find((one) => one.id === id);
      return task === undefined ? '' : completed(task, 'CODE', { c: 'HEADERS\n' });
    });
    expect(programs[0]).toMatch(/^HEADERS\nCODE\n\n\/\/ BEGIN ENTRYPOINT\nint main/);
    expect(programs[1]).toMatch(/^CODE\n\n\/\/ BEGIN ENTRYPOINT\n/);
    expect(programs[2]).toBe('CODE');
  });
});
