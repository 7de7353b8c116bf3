import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Contender } from './contender.js';
import { outputOf, STEPS, shellOf } from './steps.js';

const VERSION = '0.14.13';

export async function wireit(folder: string): Promise<Contender> {
  const name = (step: string): string => `step-${step}`;
  const manifest = {
    private: true,
    scripts: Object.fromEntries(STEPS.map((step) => [name(step.name), 'wireit'])),
    wireit: Object.fromEntries(
      STEPS.map((step) => [
        name(step.name),
        {
          command: shellOf(step),
          dependencies: step.after.map(name),
          files: step.sources,
          output: [outputOf(step.name)],
        },
      ]),
    ),
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await execa('npm', ['install', '--no-audit', '--no-fund', '--save-dev', `wireit@${VERSION}`], { cwd: folder });
  return {
    name: `wireit ${VERSION}`,
    command: ['npm', 'run', name('publish')],
    folder,
    environment: { WIREIT_CACHE: 'local' },
    saysNothingToDo: (output) => output.includes(`Ran 0 scripts and skipped ${STEPS.length}`),
  };
}
