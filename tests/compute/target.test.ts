import { describe, expect, it } from 'vitest';
import { jobsAtOnce, machineOf, THIS_MACHINE, targetSchema } from '../../src/compute/target.js';

const far = { host: 'gpu-box', python: '/opt/python' };

describe('a target in a recipe from a stranger', () => {
  it('names a host and what is there', () => {
    expect(targetSchema.parse({ ssh: far })).toEqual({
      ssh: { ...far, root: '.cache/secpi', device: 'cuda', disk_gib: 1 },
    });
    expect(targetSchema.safeParse({ ssh: { ...far, host: 'me@10.0.0.7' } }).success).toBe(true);
  });

  it.each([
    ['an ssh configuration, which can name programs to run here', { ssh: { ...far, config: 'their-config' } }],
    ['options of ssh in place of a host', { ssh: { ...far, host: '-oProxyCommand=id' } }],
    ['an option of rsync in place of a host', { ssh: { ...far, host: '-e' } }],
    ['two hosts', { ssh: { ...far, host: 'a b' } }],
    ['two machines at once', { ssh: far, local: {} }],
    ['no machine', {}],
  ])('cannot name %s', (_what, target) => {
    expect(targetSchema.safeParse(target).success).toBe(false);
  });
});

describe('machines behind targets', () => {
  const ssh = (host: string, more = {}) => targetSchema.parse({ ssh: { host, python: 'python3' }, ...more });
  const local = (more = {}) => targetSchema.parse({ local: {}, ...more });

  it('are one for all that is local, and one for each host', () => {
    expect([local(), ssh('a'), ssh('b')].map(machineOf)).toEqual([THIS_MACHINE, 'a', 'b']);
  });

  it('take one stage at once, or as many as the most generous of their targets says', () => {
    expect(jobsAtOnce([local(), ssh('a', { jobs: 2 }), ssh('a'), ssh('b')])).toEqual({ [THIS_MACHINE]: 1, a: 2, b: 1 });
    expect(targetSchema.safeParse({ local: {}, jobs: 0 }).success).toBe(false);
  });
});
