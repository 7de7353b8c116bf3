import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { isNewEnough } from '../../src/cli/node-version.js';

it('the oldest Node is the one that package.json names', () => {
  const { engines } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const [major = 0, minor = 0] = (/(\d+\.\d+)/.exec(engines.node)?.[1] ?? '').split('.').map(Number);
  expect([`${major}.${minor}.0`, `${major + 1}.0.0`, '100.1.2'].map(isNewEnough)).toEqual([true, true, true]);
  expect([`${major}.${minor - 1}.9`, `${major - 1}.99.0`, '8.0.0'].map(isNewEnough)).toEqual([false, false, false]);
});
