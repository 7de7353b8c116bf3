import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../../src/security/catalogue.js';
import { loadProbe } from '../../../../src/security/probing/probe-tasks.js';
import { expectationOf } from '../../../../src/stages/filter/probe/expectation.js';
import { type ProbedTask, probeFigures, probeParts } from '../../../../src/stages/filter/probe/probe-figures.js';

const catalogue = loadCatalogue();

describe('expectationOf', () => {
  const task = (change: object) => ({ language: 'python', cwes: ['CWE-89'], also: ['CWE-639'], ...change });

  it('is to keep what brings a weakness that is looked for, and to drop what brings none', () => {
    expect(expectationOf(task({}), catalogue)).toMatchObject({ kept: true, ids: ['CWE-89'] });
    expect(expectationOf(task({ cwes: [], also: [] }), catalogue)).toEqual({
      kept: false,
      ids: [],
      allowed: new Set(),
    });
  });

  it('follows the groups of the recipe', () => {
    expect(expectationOf(task({}), catalogue, ['injection'])).toMatchObject({ kept: true, ids: ['CWE-89'] });
    expect(expectationOf(task({}), catalogue, ['crypto'])).toMatchObject({ kept: false, ids: [] });
    expect(expectationOf(task({}), catalogue, ['access'])).toMatchObject({ kept: null, ids: [] });
  });

  it('is open where the catalogue does not know the label', () => {
    expect(expectationOf(task({ cwes: ['CWE-99999'], also: [] }), catalogue).kept).toBeNull();
  });

  it('allows what the label allows, and the general ids of the catalogue, on what is to be kept', () => {
    const { allowed } = expectationOf(task({}), catalogue);
    expect([...allowed]).toEqual(expect.arrayContaining(['CWE-639', 'CWE-20', 'CWE-400']));
    expect(allowed).not.toContain('CWE-89');
    expect(allowed).not.toContain('CWE-22');
    expect(expectationOf(task({ cwes: ['CWE-20'] }), catalogue).allowed).not.toContain('CWE-20');
  });
});

describe('probeFigures', () => {
  /** A task that brings these ids, and what was made of it; by default it was kept with exactly these. */
  const probed = (id: string, cwes: readonly string[], change: Partial<ProbedTask> = {}): ProbedTask => ({
    id,
    heldOut: false,
    expected: expectationOf({ language: 'c', cwes, also: [] }, catalogue),
    code: cwes.length > 0 ? 'kept' : 'not_relevant',
    named: cwes,
    confidence: 0.9,
    reason: 'a reason',
    ...change,
  });
  const some = [
    probed('a', ['CWE-89']),
    probed('b', ['CWE-89'], { named: ['CWE-22', 'CWE-20'] }),
    probed('c', ['CWE-89', 'CWE-22'], { named: ['CWE-22'] }),
    probed('d', ['CWE-89'], { code: 'low_confidence', confidence: 0.4 }),
    probed('e', ['CWE-338'], { code: 'not_relevant', named: [], heldOut: true }),
    probed('f', ['CWE-89'], { code: 'unparsable', named: [], confidence: null }),
    probed('g', [], { code: 'kept', named: ['CWE-338'], confidence: 0.6 }),
    probed('h', []),
    probed('i', ['CWE-99999'], { code: 'kept', named: ['CWE-89'] }),
  ];
  const figures = probeFigures(some, catalogue);
  const counts = ({ precision, recall }: { precision: object; recall: object }) => ({ precision, recall });
  const share = (right: number, of: number) =>
    expect.objectContaining({ right, of, share: of === 0 ? null : right / of });

  it('counts what was kept rightly, wrongly, and missed', () => {
    expect(figures).toMatchObject({ tasks: 9, undecided: 1, without_verdict: 1 });
    expect(counts(figures.relevant)).toEqual({ precision: share(3, 4), recall: share(3, 6) });
    expect(figures.relevant.precision.interval?.map((end) => end.toFixed(3))).toEqual(['0.194', '0.994']);
  });

  it('says what other confidences would have given', () => {
    const at = (least: number) => figures.thresholds.find(({ min_confidence }) => min_confidence === least);
    expect(at(0)).toMatchObject({ kept: 5, precision: share(4, 5), recall: share(4, 6) });
    expect(at(0.7)).toMatchObject({ kept: 3, precision: share(3, 3), recall: share(3, 6) });
  });

  it('counts by weakness: what the label allows or leaves open is neither right nor wrong', () => {
    const of = (id: string) => figures.cwes.find((cwe) => cwe.id === id);
    expect(of('CWE-89')).toMatchObject({ expected: 5, precision: share(1, 1), recall: share(1, 5) });
    expect(of('CWE-22')).toMatchObject({ expected: 1, precision: share(1, 2), recall: share(1, 1) });
    expect(of('CWE-338')).toMatchObject({ expected: 1, precision: share(0, 1), recall: share(0, 1) });
    expect(of('CWE-20')).toBeUndefined();
  });

  it('says what a weakness was missed for', () => {
    expect(figures.cwes.find(({ id }) => id === 'CWE-89')?.taken_for).toEqual([
      { as: 'CWE-22', tasks: 1 },
      { as: 'CWE-20', tasks: 1 },
      { as: 'only its other ids', tasks: 1 },
      { as: 'low_confidence', tasks: 1 },
      { as: 'unparsable', tasks: 1 },
    ]);
  });

  it('counts by group, and each task once in the confusion', () => {
    expect(figures.groups.find(({ group }) => group === 'injection')).toMatchObject({
      expected: 5,
      // Its only label in the second task is the general CWE-20, which is allowed, but the task is one of injection.
      precision: share(2, 2),
      recall: share(2, 5),
    });
    expect(figures.confusion).toEqual({
      groups: ['injection', 'path', 'crypto', 'none'],
      tasks: [
        [1, 2, 0, 2],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 1, 1],
      ],
    });
  });

  it('has a classifier that names one id for everything wrong about the group wherever the label does not allow that id', () => {
    const all = loadProbe();
    const groupOf = (id: string) => catalogue.entries.get(id)?.group;
    const of = (named: string) => {
      const answers = all.map((task) =>
        probed(task.id, task.cwes, { expected: expectationOf(task, catalogue), code: 'kept', named: [named] }),
      );
      return probeFigures(answers, catalogue).groups.find(({ group }) => group === groupOf(named));
    };
    for (const id of ['CWE-89', 'CWE-22', 'CWE-798', 'CWE-862', 'CWE-770', 'CWE-327']) {
      const right = all.filter(({ cwes }) => cwes.some((one) => groupOf(one) === groupOf(id))).length;
      const excused = all.filter(
        ({ cwes, also }) => also.includes(id) && !cwes.some((one) => groupOf(one) === groupOf(id)),
      );
      expect([id, of(id)?.precision]).toEqual([id, share(right, all.length - excused.length)]);
    }
    // A general id is no mistake on what brings something, and one on what brings nothing.
    const harmless = all.filter(({ cwes }) => cwes.length === 0).length;
    const injection = all.filter(({ cwes }) => cwes.some((id) => groupOf(id) === 'injection')).length;
    expect(of('CWE-20')?.precision).toEqual(share(injection, injection + harmless));
  });

  it('keeps apart what is held out', () => {
    const parts = probeParts(some, catalogue);
    expect([parts.all.tasks, parts.for_tuning.tasks, parts.held_out.tasks]).toEqual([9, 8, 1]);
    expect(parts.held_out.relevant.recall).toEqual(share(0, 1));
  });

  it('has no share of nothing', () => {
    expect(probeFigures([], catalogue)).toMatchObject({
      tasks: 0,
      relevant: { precision: { share: null, interval: null }, recall: { share: null, interval: null } },
      groups: [],
      cwes: [],
    });
  });
});
