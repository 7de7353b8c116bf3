import { describe, expect, it } from 'vitest';
import { pythonVariables } from '../../src/compute/trainer-environment.js';

describe('the search path of a trainer', () => {
  const pathFor = (python: string) => pythonVariables(python, '/code', 1).PATH;

  it('begins where its interpreter lies', () => {
    expect(pathFor('/opt/venv/bin/python')).toBe('/opt/venv/bin:/usr/local/bin:/usr/bin:/bin');
  });

  it('never holds the folder that it works in', () => {
    expect(pathFor('python3')).toBe('/usr/local/bin:/usr/bin:/bin');
  });
});
