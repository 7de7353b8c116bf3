// What tests need of the system besides: an ssh server and Slurm, which they start themselves, podman and rsync, and a browser. Installed only
// where that starts nothing and asks nobody: as root on a machine without a service manager, such as a container that runs the tests.
// Elsewhere those tests are skipped, and say so.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const wanted = {
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/bin/rsync': 'rsync',
  '/usr/bin/sbatch': 'slurm-wlm',
  '/usr/sbin/munged': 'munge',
  '/usr/bin/podman': 'podman',
  '/usr/bin/crun': 'crun',
  '/usr/libexec/podman/catatonit': 'catatonit',
  '/usr/bin/chromium': 'chromium',
};
/** Debian asks this before a package starts a service. */
const policy = '/usr/sbin/policy-rc.d';

/** Throws when packages are missing that could have been installed. */
export function installTestServices() {
  const packages = Object.entries(wanted).flatMap(([program, name]) => (existsSync(program) ? [] : [name]));
  const isOurs = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && !existsSync('/run/systemd/system');
  if (!isOurs) return;
  installPackages(packages);
  // In a container of this kind podman itself starts nothing; the script says why.
  const podman = '/usr/local/bin/podman';
  if (existsSync('/sys/fs/cgroup/unified') && !existsSync(podman)) {
    copyFileSync(join(import.meta.dirname, 'podman-for-tests.sh'), podman);
    chmodSync(podman, 0o755);
  }
}

function installPackages(packages) {
  if (packages.length === 0) return;
  process.stdout.write(`secpi: installing ${packages.join(' and ')} for the tests\n`);
  const asks = existsSync(policy);
  if (!asks) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const apt = (...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
  try {
    if (!install() && !(apt('update') && install()))
      throw new Error(`${packages.join(' and ')} could not be installed`);
  } finally {
    if (!asks) rmSync(policy, { force: true });
  }
}
