import { delimiter, dirname, join } from 'node:path';
import { packageRoot } from '../base/package-root.js';

/** Variables of the user's environment that a trainer or model server may see; everything else stays out, secrets first. */
export const PASSED_ON: readonly string[] = [
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'HF_HOME',
  'HF_ENDPOINT',
  'CUDA_VISIBLE_DEVICES',
  'LD_LIBRARY_PATH',
];

/** The name of our own code among a job's inputs. */
export const TRAINERS = 'secpi-trainers';

/** The package of our trainers. */
export const trainersFolder = join(packageRoot, 'trainers', 'secpi_trainers');

/** Those of them that are set. */
export function passedOn(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

/**
 * What our Python processes see whatever the user's environment; `python` is the interpreter's path, `trainers` that of our package,
 * where they run. Set before Python starts, because torch reads it while it loads.
 */
export function pythonVariables(python: string, trainers: string, threads: number): Record<string, string> {
  // A bare name lies in none of its own: `.` would be a folder that programs write to.
  const beside = python.includes('/') ? [dirname(python)] : [];
  return {
    PATH: [...beside, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    PYTHONPATH: `${trainers}/..`,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    // Spinning OpenMP threads slow everything tenfold as soon as two processes share the cores.
    OMP_WAIT_POLICY: 'PASSIVE',
    OMP_NUM_THREADS: String(threads),
    TOKENIZERS_PARALLELISM: 'false',
    // Models are folders by now; a trainer that asks a hub is a mistake.
    HF_HUB_OFFLINE: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
  };
}

/** The whole environment of our Python processes on this machine. */
export function trainerEnvironment(
  python: string,
  environment: Readonly<Record<string, string | undefined>>,
  threads: number,
): Record<string, string> {
  return { ...passedOn(environment), ...pythonVariables(python, trainersFolder, threads) };
}
