import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes, the longest first. Begun late, each would run alone at the end while the other workers have nothing to do. */
const LONGEST = [
  'tests/places/same-bytes.test.ts',
  'tests/places/kept-model.test.ts',
  'tests/places/same-scores.test.ts',
  'tests/places/two-nodes.test.ts',
  'tests/compute/trainer-target.test.ts',
  'tests/suites/files/files-suite.test.ts',
  'tests/cli/control.test.ts',
];

/** Begins what takes longest first, then what is largest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
      return index === -1 ? LONGEST.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
