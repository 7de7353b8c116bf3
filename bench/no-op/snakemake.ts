import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Contender } from './contender.js';
import { inputsOf, outputOf, STEPS, shellOf } from './steps.js';

export const SNAKEMAKE_VERSION = '9.27.1';

/** `python` belongs to the environment that Snakemake is installed in. */
export async function snakemake(folder: string, python: string): Promise<Contender> {
  const list = (files: readonly string[]): string => files.map((file) => JSON.stringify(file)).join(', ');
  const rules = STEPS.map(
    (step) => `rule ${step.name}:
    input: ${list(inputsOf(step))}
    output: ${list([outputOf(step.name)])}
    shell: ${JSON.stringify(shellOf(step))}
`,
  );
  await writeFile(
    join(folder, 'Snakefile'),
    [`rule all:\n    input: ${list([outputOf('publish')])}\n`, ...rules].join('\n'),
  );
  return {
    name: `Snakemake ${SNAKEMAKE_VERSION}`,
    command: [join(dirname(python), 'snakemake'), '--cores', '1'],
    folder,
    environment: { XDG_CACHE_HOME: join(folder, 'cache') },
    saysNothingToDo: (output) => output.includes('Nothing to be done'),
  };
}
