import type { PythonEnvironment } from '../setup/python-environment.js';
import { here } from './places/here.js';
import { type HashFiles, hashAll } from './places/manifest.js';
import type { Place } from './places/place.js';
import { sshPlace } from './places/ssh.js';
import type { Target, TargetSpec } from './target.js';
import { passedOn } from './trainer-environment.js';
import { trainerTarget } from './trainer-target.js';

/** What this machine has that a target may need. */
export interface Means {
  /** The pinned Python environment of this machine. */
  readonly python: () => Promise<PythonEnvironment>;
  /** The user's environment. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Hashes files that are to go elsewhere; by default all of them are read. */
  readonly hashFiles?: HashFiles;
}

/** The target that an entry of the recipe's `compute:` describes. */
export function openTarget(spec: TargetSpec, means: Means): Target {
  const place = openPlace(spec, means);
  if (spec.ssh !== undefined) {
    const { python, device, threads } = spec.ssh;
    return trainerTarget(place, { python: async () => python, device, threads });
  }
  const { device, threads } = spec.local ?? { device: 'auto', threads: undefined };
  return trainerTarget(place, { python: async () => (await means.python()).python, device, threads });
}

/** The machine that it runs on, to be asked for other things than trainers. */
export function openPlace(spec: TargetSpec, { python, variables, hashFiles = hashAll }: Means): Place {
  if (spec.ssh === undefined) return here(async () => (await python()).python, passedOn(variables));
  const { host, root, python: interpreter, disk_gib } = spec.ssh;
  // Never the configuration from a recipe: such a file can name programs that ssh then runs here.
  return sshPlace({
    host,
    config: variables.SECPI_SSH_CONFIG,
    root,
    python: interpreter,
    spareGib: disk_gib,
    hashFiles,
    env: chosen(sshVariables, variables),
  });
}

/** What the ssh program sees of the user's environment. */
const sshVariables = ['HOME', 'PATH', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK'];

function chosen(names: readonly string[], variables: Means['variables']): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]])));
}
