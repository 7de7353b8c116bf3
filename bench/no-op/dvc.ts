import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import type { Contender } from './contender.js';
import { inputsOf, outputOf, STEPS, shellOf } from './steps.js';

export const DVC_VERSION = '3.67.1';

/** `python` belongs to the environment that DVC is installed in. */
export async function dvc(folder: string, python: string): Promise<Contender> {
  const stages = Object.fromEntries(
    STEPS.map((step) => [step.name, { cmd: shellOf(step), deps: inputsOf(step), outs: [outputOf(step.name)] }]),
  );
  await writeFile(join(folder, 'dvc.yaml'), stringify({ stages }));
  const program = join(dirname(python), 'dvc');
  const environment = {
    // Else every call would start another process that sends statistics.
    DVC_NO_ANALYTICS: '1',
    DVC_SITE_CACHE_DIR: join(folder, 'site-cache'),
    DVC_GLOBAL_CONFIG_DIR: join(folder, 'global-config'),
  };
  await execa('git', ['init', '--quiet'], { cwd: folder });
  await execa(program, ['init', '--quiet'], { cwd: folder, env: environment });
  return {
    name: `DVC ${DVC_VERSION}`,
    command: [program, 'repro'],
    folder,
    environment,
    saysNothingToDo: (output) => output.includes('Data and pipelines are up to date.'),
  };
}
