import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../../src/base/package-root.js';

/** Before the tests: builds what has changed, so that those of the command line run what users run. */
export async function setup(): Promise<void> {
  await execa(process.execPath, [join(packageRoot, 'scripts', 'build.mjs')], { stderr: 'inherit' });
}
