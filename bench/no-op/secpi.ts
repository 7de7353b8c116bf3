import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import type { Contender } from './contender.js';

/** The quickstart, with its state in this folder. */
export function secpi(state: string): Contender {
  return {
    name: 'secpi, quickstart',
    command: [process.execPath, join('bin', 'secpi.js'), 'run', 'recipes/quickstart.yaml'],
    folder: packageRoot,
    environment: { SECPI_HOME: state },
    saysNothingToDo: (output) => output.match(/^\S+ +cached +\d/gm)?.length === 9,
  };
}
