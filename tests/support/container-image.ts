import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import { hasMeans } from './means.js';

const folder = join(packageRoot, 'agent', 'tests');
const asked = 'import container_image, sys; sys.exit(0 if container_image.HAS_PODMAN else 3)';

/** Whether containers can be started here. */
export const hasPodman = hasMeans(
  spawnSync('python3', ['-c', asked], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0,
  'there is no podman (podman, crun and catatonit; as root)',
);

/** The lines that podman says to that. */
export function podman(args: readonly string[]): readonly string[] {
  return execFileSync('podman', args, { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

/** The digest of an image in which the programs of this machine run, once /usr and whatever else they need is mounted. */
export function containerImage(): string {
  return execFileSync('python3', [join(folder, 'container_image.py')], { encoding: 'utf8' }).trim();
}
