import { delimiter, dirname, join } from 'node:path';
import { packageRoot } from '../base/package-root.js';

/** Variables of the user's environment that a trainer or model server may see; everything else stays out, secrets first. */
const passedOn = [
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'HF_HOME',
  'HF_ENDPOINT',
  'CUDA_VISIBLE_DEVICES',
  'LD_LIBRARY_PATH',
];

/** The environment of our Python processes; `python` is the interpreter's path. Set before Python starts, because torch reads it while it loads. */
export function trainerEnvironment(
  python: string,
  environment: Readonly<Record<string, string | undefined>>,
  threads: number,
): Record<string, string> {
  const kept = passedOn.flatMap((name) =>
    environment[name] === undefined ? [] : [[name, environment[name]] as const],
  );
  return {
    ...Object.fromEntries(kept),
    PATH: [dirname(python), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    PYTHONPATH: join(packageRoot, 'trainers'),
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
