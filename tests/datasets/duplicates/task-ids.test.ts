import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { TaskIds } from '../../../src/datasets/duplicates/task-ids.js';

const idOf = (n: number) => `task-${sha256(String(n)).slice(0, 16)}`;

describe('TaskIds', () => {
  it('knows what was added, in its order, through all its growing', () => {
    const ids = new TaskIds();
    const all = Array.from({ length: 20_000 }, (_, n) => idOf(n));
    expect(all.filter((id) => ids.add(id))).toHaveLength(all.length);
    expect(all.filter((id) => ids.add(id) || !ids.has(id))).toEqual([]);
    expect(all.filter((id, number) => ids.at(number) !== id)).toEqual([]);
    expect(Array.from({ length: 2000 }, (_, n) => idOf(-1 - n)).filter((id) => ids.has(id))).toEqual([]);
  });

  it('tells ids apart that differ in one half alone', () => {
    const ids = new TaskIds();
    const [a, b, c] = ['task-0000000000000001', 'task-0000000100000001', 'task-0000000100000000'] as const;
    expect([ids.add(a), ids.has(b), ids.has(c), ids.add(b), ids.add(c)]).toEqual([true, false, false, true, true]);
    expect([ids.at(0), ids.at(1), ids.at(2)]).toEqual([a, b, c]);
  });
});
