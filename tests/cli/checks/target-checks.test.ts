import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { checkTarget, judgeHost } from '../../../src/cli/checks/target-checks.js';
import type { HostFacts } from '../../../src/compute/host-facts.js';
import { targetSchema } from '../../../src/compute/target.js';
import type { PackageSet } from '../../../src/setup/pinned-packages.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const now = 1_800_000_000;
const GIB = 2 ** 30;
const good: HostFacts = {
  type: 'facts',
  machine: { host: 'gpu-box', system: 'Linux-6.1', cores: 16, memory_bytes: 128 * GIB },
  python: { version: '3.11.2', executable: '/opt/python', wrong_packages: [] },
  disk: { root: '/data/secpi', writable: true, free_bytes: 500 * GIB },
  limits: { open_files: 1_048_576, processes: null, memory_bytes: null, file_bytes: null, cpu_seconds: null },
  programs: { rsync: '/usr/bin/rsync' },
  containers: { podman: '4.3.1', docker: null },
  gpus: { driver_loaded: true, nvidia_smi: true, devices: ['NVIDIA H100, 81559, 550.54'] },
  cuda: { torch: '2.13.0', built_for: '12.8', devices: 1, problem: null },
  time: now + 0.4,
};

function judged(
  facts: Partial<HostFacts>,
  device: 'cpu' | 'cuda' = 'cuda',
  engine?: string,
  packages: readonly PackageSet[] = ['trainers'],
) {
  const needs = { device, freeBytes: 200 * GIB, engine, packages };
  const checks = judgeHost({ ...good, ...facts }, needs, now);
  return new Map(checks.map((check) => [check.name, check]));
}

it('a host that has everything', () => {
  const checks = [...judged({}).values()];
  expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(judged({}).get('CUDA')?.detail).toBe('PyTorch 2.13.0 (CUDA 12.8) computes on one GPU');
  expect(judged({}).get('GPU')?.detail).toBe('NVIDIA H100, 81559 MiB, driver 550.54');
});

it.each<[string, string, Partial<HostFacts>, object]>([
  ['an old Python', 'Python', { python: { ...good.python, version: '3.9.18' } }, { state: 'missing', required: true }],
  [
    'other packages',
    'Python packages',
    { python: { ...good.python, wrong_packages: ['trl is missing', 'torch is 1, not 2'] } },
    { state: 'missing', required: true, detail: 'trl is missing, and 1 more are other than they should be' },
  ],
  [
    'no driver',
    'GPU',
    { gpus: { driver_loaded: false, nvidia_smi: false, devices: [] } },
    { state: 'missing', required: true, detail: 'no NVIDIA driver is loaded' },
  ],
  [
    'a driver that does not answer',
    'GPU',
    { gpus: { driver_loaded: true, nvidia_smi: false, devices: [] } },
    { state: 'missing', required: true, detail: 'a driver is loaded, but nvidia-smi does not answer' },
  ],
  [
    'a driver with which CUDA does not start',
    'CUDA',
    { cuda: { torch: '2.13.0', built_for: '12.8', devices: 0, problem: 'the driver is too old' } },
    { state: 'missing', required: true, detail: 'the driver is too old', advice: expect.stringMatching(/older than/) },
  ],
  [
    'PyTorch for the CPU',
    'CUDA',
    { cuda: { torch: '2.13.0', built_for: null, devices: 0, problem: 'this build computes on the CPU only' } },
    { state: 'missing', required: true, advice: expect.stringMatching(/build of torch for CUDA/) },
  ],
  ['no engine that answers', 'containers', { containers: { docker: null } }, { state: 'warning', required: false }],
  ['no rsync', 'rsync', { programs: { rsync: null } }, { state: 'missing', required: false }],
  [
    'a disk without room',
    'disk',
    { disk: { ...good.disk, free_bytes: 100 * GIB } },
    { state: 'missing', required: true, advice: expect.stringMatching(/disk_gib.*200 GiB/) },
  ],
  [
    'a root that is somebody else’s',
    'disk',
    { disk: { ...good.disk, writable: false } },
    { state: 'missing', required: true, detail: '/data/secpi cannot be written to' },
  ],
  [
    'a clock that is wrong',
    'clock',
    { time: now - 3600 },
    { state: 'warning', detail: '3600 seconds behind this machine' },
  ],
  [
    'the limits of a login node',
    'limits',
    { limits: { ...good.limits, cpu_seconds: 1800, memory_bytes: 4 * GIB } },
    {
      state: 'warning',
      detail: 'at most 4.0 GiB of address space (ulimit -v), 1800 seconds of computing (ulimit -t)',
    },
  ],
])('a host with %s', (_what, name, facts, expected) => {
  const checks = judged(facts);
  expect(checks.get(name)).toMatchObject(expected);
  const others = [...checks.values()].filter((check) => check.name !== name && check.state !== 'ok');
  expect(others).toEqual([]);
});

it('a host on which nobody wants to compute with a GPU', () => {
  const checks = judged({ gpus: { driver_loaded: false, nvidia_smi: false, devices: [] }, cuda: null }, 'cpu');
  expect(checks.get('GPU')).toMatchObject({ state: 'missing', required: false });
  expect(checks.has('CUDA')).toBe(false);
  expect(judged({ cuda: null }, 'cpu').get('GPU')?.detail).toMatch(/`device` is cpu, so they are not used$/);
});

it('a host whose Python only starts what is in an image, or scores', () => {
  const old = { ...good.python, version: '3.9.2', wrong_packages: ['torch is not there'] };
  expect([...judged({ python: old }, 'cpu', undefined, []).keys()]).not.toContain('Python packages');
  expect(judged({ python: old }, 'cpu', undefined, []).get('Python')).toMatchObject({ state: 'ok' });
  expect(judged({ python: old }, 'cpu').get('Python')).toMatchObject({ state: 'missing' });
  const older = { ...old, version: '3.8.1' };
  expect(judged({ python: older }, 'cpu', undefined, []).get('Python')).toMatchObject({ state: 'missing' });
});

it('a host of which Axolotl’s packages are wanted, or both sets, which no interpreter has', () => {
  const python = { ...good.python, wrong_packages: ['axolotl is missing'] };
  const alone = judged({ python }, 'cpu', undefined, ['axolotl']).get('Axolotl packages');
  expect(alone?.advice).toContain('-m pip install --no-deps -r requirements-axolotl.lock');
  expect(judged({ python }, 'cpu', undefined, ['axolotl']).has('Python packages')).toBe(false);
  const both = judged({ python }, 'cpu', undefined, ['trainers', 'axolotl']).get('Python packages');
  expect(both?.advice).toContain('on a target of its own');
});

it('a host on which the container engine of the recipe does not answer, whatever others do', () => {
  const told = (engine?: string) => judged({}, 'cuda', engine).get('containers');
  expect(told('podman')).toMatchObject({ state: 'ok' });
  expect(told('docker')).toMatchObject({ state: 'missing', required: true, detail: 'docker does not answer' });
  expect(told('apptainer')).toMatchObject({ state: 'missing', required: true, detail: 'there is no apptainer' });
  expect(told()).toMatchObject({ state: 'ok', required: false });
});

it('does not take a queue that answers late for a clock that is wrong', async () => {
  await using folder = await temporaryFolder();
  const [first, second, python] = [
    join(folder.path, 'first'),
    join(folder.path, 'second'),
    join(folder.path, 'python'),
  ];
  const script = `[ -e ${first} ] && : >${second}; : >${first}; exec python3 "$@"`;
  await writeFile(python, `#!/bin/sh\n${script}\n`);
  await chmod(python, 0o755);
  // A minute goes by once the queue is asked.
  const realNow = Date.now.bind(Date);
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => realNow() + (existsSync(second) ? 60_000 : 0));
  try {
    const means = { python: async () => ({ folder: folder.path, python }), variables: {} };
    const { signal } = new AbortController();
    const spec = targetSchema.parse({ slurm: { device: 'cpu' } });
    const checks = await checkTarget(spec, means, { root: folder.path, signal });
    expect(existsSync(second)).toBe(true);
    expect(checks.find(({ name }) => name === 'clock')?.detail).toBe('as here');
  } finally {
    spy.mockRestore();
  }
});
