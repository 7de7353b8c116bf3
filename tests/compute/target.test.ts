import { describe, expect, it } from 'vitest';
import { openTarget, secretsOf } from '../../src/compute/open-target.js';
import { jobsAtOnce, machineOf, THIS_MACHINE, targetSchema } from '../../src/compute/target.js';

const digest = `sha256:${'0'.repeat(64)}`;
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
    ['a host and a port', { ssh: { ...far, host: '2001:db8::1' } }],
    ['a program of this machine', { slurm: { python: '/tmp/evil' } }],
    ['a file that Slurm writes', { slurm: { extra: ['--error=/home/me/.bashrc'] } }],
    ['an abbreviation of that', { slurm: { extra: ['--err=/home/me/.bashrc'] } }],
    ['an image that the batch script runs in', { slurm: { extra: ['--container=bundle'] } }],
    ['variables that the batch script loads', { slurm: { extra: ['--export-file=x'] } }],
    ['an option that takes the next one for its value', { slurm: { extra: ['--account'] } }],
    ['a second line', { slurm: { extra: ['--account=a\n#SBATCH --error=x'] } }],
    ['a limit in which nothing can be saved', { slurm: { minutes: 2 } }],
    ['an image by a tag', { local: {}, container: { engine: 'podman', image: 'python:3.11' } }],
    ['an option in place of an image', { local: {}, container: { engine: 'podman', image: `-v=/:/@${digest}` } }],
    ['a volume with options', { local: {}, container: { engine: 'podman', image: digest, mounts: ['/a:/b:rw'] } }],
    ['the value of a secret', { local: {}, secrets: ['hf_0123456789 abc'] }],
    ['a variable that would not be hidden', { local: {}, secrets: ['HOME'] }],
  ])('cannot name %s', (_what, target) => {
    expect(targetSchema.safeParse(target).success).toBe(false);
  });
});

describe('what a recipe wants of this machine', () => {
  const container = { engine: 'podman', image: digest, mounts: ['/models/qwq', '/run/user/1000'] };
  const open = (spec: object, variables: object) => () =>
    openTarget(targetSchema.parse({ local: {}, ...spec }), {
      python: () => Promise.reject(),
      variables: { ...variables },
    });

  it('shows to containers only what the user has named', () => {
    const refused = { code: 'compute/mount-not-allowed' };
    expect(open({ container }, {})).toThrow(expect.objectContaining(refused));
    const some = { SECPI_CONTAINER_MOUNTS: '/models:/other' };
    expect(open({ container }, some)).toThrow(
      expect.objectContaining({ ...refused, message: expect.stringContaining('/run/user/1000') }),
    );
    const out = { ...container, mounts: ['/models/../run'] };
    expect(open({ container: out }, some)).toThrow(expect.objectContaining(refused));
    expect(open({ container }, { SECPI_CONTAINER_MOUNTS: '/models:/run/user/1000' })).not.toThrow();
  });

  it('hands on variables by name, and says which is missing', () => {
    const spec = targetSchema.parse({ local: {}, secrets: ['HF_TOKEN'] });
    const secrets = (variables: Record<string, string>) =>
      secretsOf(spec, { python: () => Promise.reject(), variables });
    expect(secrets({ HF_TOKEN: 'hf_x', OTHER: 'y' })).toEqual({ HF_TOKEN: 'hf_x' });
    expect(() => secrets({ HF_TOKEN: '' })).toThrow(expect.objectContaining({ code: 'compute/no-secret' }));
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
