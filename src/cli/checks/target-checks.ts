import { messageOf, SecpiError } from '../../base/errors.js';
import type { HostFacts } from '../../compute/host-facts.js';
import { type Means, openPlace } from '../../compute/open-target.js';
import { type Place, UNREACHABLE } from '../../compute/places/place.js';
import { whyUnreachable } from '../../compute/places/why-unreachable.js';
import { deviceHere } from '../../compute/python-identity.js';
import type { TargetSpec } from '../../compute/target.js';
import { type PackageSet, pinnedPackages } from '../../setup/pinned-packages.js';
import { bytes } from '../views/format.js';
import type { Check } from './check.js';
import { checkPackages, judgePackages } from './package-checks.js';

/** What a target is to be able to do. */
export interface TargetNeeds {
  /** What trainers compute on; `auto` has been decided. */
  readonly device: 'cpu' | 'cuda';
  /** Bytes that are to be free below its root. */
  readonly freeBytes: number;
  /** What runs its containers there, if it has any. */
  readonly engine?: string | undefined;
  /** What its Python has to have, to compute. In a container the image has one, which its digest says; and to score takes none. */
  readonly packages: readonly PackageSet[];
}

interface CheckOptions {
  readonly root: string;
  readonly signal: AbortSignal;
  /** What its Python has to have; default: the trainers' packages. */
  readonly packages?: readonly PackageSet[];
}

/** Loading torch from a network file system, and waking a GPU, take their time. */
const CUDA_SECONDS = 180;
const GIB = 2 ** 30;

/**
 * What works of a target and what does not, a line each. Begins nothing there; brings a few kilobytes of Python, as a run does.
 * Throws the signal's reason.
 */
export async function checkTarget(
  spec: TargetSpec,
  means: Means,
  { root, packages = ['trainers'], signal }: CheckOptions,
): Promise<readonly Check[]> {
  const needs = { ...needsOf(spec), packages: packagesThere(spec, packages) };
  let place: Place;
  let facts: HostFacts | undefined;
  let heardAt = 0;
  const more: Check[] = [];
  const [first, ...others] = needs.packages;
  try {
    place = openPlace(spec, means);
    const request = {
      root,
      packages: first === undefined ? {} : await pinnedPackages(first),
      cuda_seconds: needs.device === 'cuda' && spec.container === undefined ? CUDA_SECONDS : 0,
    };
    for await (const line of place.ask('inspect', request, signal)) {
      if (line.type !== 'facts') continue;
      facts = line;
      // Its clock is compared with ours as of now: the queue may take a minute to answer.
      heardAt = Date.now() / 1000;
    }
    if (facts !== undefined) for (const set of others) more.push(await checkPackages(place, set, facts, signal));
    if (place.queue !== null) more.push(...(await checkQueue(place, signal)));
  } catch (error) {
    signal.throwIfAborted();
    return [notReached(error)];
  }
  if (facts !== undefined) return [...judgeHost(facts, needs, heardAt), ...more];
  const detail = `${place.name} was reached, and nothing there answered as a Python would`;
  return [{ name: 'host', state: 'missing', detail, advice: 'Check `python` of that target.', required: true }];
}

/** Whether the cluster would take a job of this target, and when it would begin. Submits nothing. */
async function checkQueue(place: Place, signal: AbortSignal): Promise<readonly Check[]> {
  const name = 'queue';
  const required = true;
  try {
    for await (const line of place.ask('test', { launcher: place.queue }, signal)) {
      if (line.type !== 'tested') continue;
      if (line.ok) return [{ name, state: 'ok', detail: line.said, required }];
      const advice = 'See `sinfo` there for partitions and what they have, and change the target.';
      return [{ name, state: 'missing', detail: `would never run such a job: ${line.said}`, advice, required }];
    }
  } catch (error) {
    signal.throwIfAborted();
    const hint = error instanceof SecpiError ? error.hint : undefined;
    const advice = hint === undefined ? {} : { advice: hint };
    return [{ name, state: 'missing', detail: messageOf(error), ...advice, required }];
  }
  return [{ name, state: 'missing', detail: 'nothing was said of it', required }];
}

/** On this machine each set has an interpreter of its own; the trainers' is the one that is asked. */
function packagesThere({ container, ssh, slurm }: TargetSpec, packages: readonly PackageSet[]): readonly PackageSet[] {
  if (container !== undefined) return [];
  return ssh === undefined && slurm?.host === undefined && packages.length > 0 ? ['trainers'] : packages;
}

function needsOf({ local, ssh, slurm, container }: TargetSpec): Omit<TargetNeeds, 'packages'> {
  const device = (ssh ?? local)?.device ?? 'auto';
  return {
    // A login node computes nothing; its cluster is asked for GPUs by the queue.
    device: slurm === undefined ? deviceHere(device) : 'cpu',
    freeBytes: ((ssh ?? slurm)?.disk_gib ?? 1) * GIB,
    // Of a cluster the nodes run them, and none of them is asked.
    engine: slurm === undefined ? container?.engine : undefined,
  };
}

function notReached(error: unknown): Check {
  const known = error instanceof SecpiError ? error : undefined;
  const message = messageOf(error);
  const obstacle = known?.code === UNREACHABLE ? whyUnreachable(message) : undefined;
  const detail = obstacle === undefined ? message : `${obstacle.why} (${message})`;
  const advice = obstacle?.advice ?? known?.hint;
  return { name: 'host', state: 'missing', detail, ...(advice === undefined ? {} : { advice }), required: true };
}

/** What facts about a host mean for a target. `now`: seconds since 1970 by our clock, when they were heard. */
export function judgeHost(facts: HostFacts, needs: TargetNeeds, now: number): readonly Check[] {
  return judgements.flatMap((judge) => judge(facts, needs, now));
}

type Judge = (facts: HostFacts, needs: TargetNeeds, now: number) => readonly Check[];

/** A section of the facts each, in the order in which they are shown; another section is another line here. */
const judgements: readonly Judge[] = [
  judgeMachine,
  judgePython,
  judgeGpus,
  judgeCuda,
  judgeContainers,
  judgeRsync,
  judgeDisk,
  judgeClock,
  judgeLimits,
];

function judgeMachine({ machine }: HostFacts): readonly Check[] {
  const { host, system, cores, memory_bytes } = machine;
  return [
    { name: 'host', state: 'ok', detail: `${host}, ${system}`, required: true },
    { name: 'cores, memory', state: 'ok', detail: `${cores ?? '?'} cores, ${bytes(memory_bytes)}`, required: false },
  ];
}

/** Of the trainers, and of the agent that runs everything. */
const oldestPython = { trainers: [3, 11], agent: [3, 9] } as const;

function judgePython({ python }: HostFacts, { packages }: TargetNeeds): readonly Check[] {
  const { version, executable, wrong_packages } = python;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [set] = packages;
  const oldest = set === undefined ? oldestPython.agent : oldestPython.trainers;
  const isNew = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  const name = 'Python';
  const detail = `${version} in ${executable}`;
  const interpreter: Check = isNew
    ? { name, state: 'ok', detail, required: true }
    : {
        name,
        state: 'missing',
        detail: `${detail} is older than ${oldest.join('.')}`,
        advice: 'Make an environment there with a newer one, and name it as `python` of that target.',
        required: true,
      };
  return set === undefined
    ? [interpreter]
    : [interpreter, judgePackages(set, wrong_packages, executable, packages.length > 1)];
}

function judgeGpus({ gpus }: HostFacts, { device }: TargetNeeds): readonly Check[] {
  const name = 'GPU';
  const required = device === 'cuda';
  const { driver_loaded, nvidia_smi, devices } = gpus;
  if (devices.length > 0) {
    const shown = devices.map((line) => {
      const [model = line, memory, driver] = line.split(',').map((part) => part.trim());
      return `${model}, ${memory} MiB, driver ${driver}`;
    });
    const unused = required ? '' : '; `device` is cpu, so they are not used';
    return [{ name, state: 'ok', detail: shown.join('; ') + unused, required }];
  }
  if (driver_loaded) {
    const detail = nvidia_smi
      ? 'a driver is loaded, and sees no GPU'
      : 'a driver is loaded, but nvidia-smi does not answer';
    return [
      {
        name,
        state: required ? 'missing' : 'warning',
        detail,
        advice: 'Check what `nvidia-smi` says there.',
        required,
      },
    ];
  }
  const advice = 'Choose a host with an NVIDIA GPU and its driver, or set `device: cpu`.';
  return [{ name, state: 'missing', detail: 'no NVIDIA driver is loaded', ...(required ? { advice } : {}), required }];
}

function judgeCuda({ cuda, gpus }: HostFacts): readonly Check[] {
  // Where there is no GPU at all, that has been said.
  if (cuda === null || (!gpus.driver_loaded && gpus.devices.length === 0)) return [];
  const { torch, built_for, devices, problem } = cuda;
  const name = 'CUDA';
  if (problem === null && devices > 0) {
    const detail = `PyTorch ${torch} (CUDA ${built_for}) computes on ${devices === 1 ? 'one GPU' : `${devices} GPUs`}`;
    return [{ name, state: 'ok', detail, required: true }];
  }
  const advice =
    built_for === null
      ? 'Install the build of torch for CUDA into the Python of that target.'
      : 'Often the driver is older than that CUDA needs, or CUDA_VISIBLE_DEVICES hides the GPUs.';
  return [{ name, state: 'missing', detail: problem ?? 'PyTorch finds no GPU', advice, required: true }];
}

function judgeContainers({ containers }: HostFacts, { engine: needed }: TargetNeeds): readonly Check[] {
  const name = 'containers';
  if (needed !== undefined && typeof containers[needed] !== 'string') {
    const isThere = needed in containers;
    const detail = isThere ? `${needed} does not answer` : `there is no ${needed}`;
    const advice = isThere ? 'Start it there, or give your user access to it.' : 'Install it there.';
    return [
      { name, state: 'missing', detail, advice: `${advice} Or name another \`engine\` in the recipe.`, required: true },
    ];
  }
  const known = Object.entries(containers);
  const answering = known.flatMap(([engine, version]) => (version === null ? [] : [`${engine} ${version}`]));
  if (answering.length > 0) return [{ name, state: 'ok', detail: answering.join('; '), required: false }];
  const detail =
    known.length === 0
      ? 'no podman, docker or apptainer'
      : `${known.map(([engine]) => engine).join(', ')}: no engine answers`;
  return [{ name, state: known.length === 0 ? 'missing' : 'warning', detail, required: false }];
}

function judgeRsync({ programs }: HostFacts): readonly Check[] {
  const { rsync } = programs;
  if (typeof rsync === 'string') return [{ name: 'rsync', state: 'ok', detail: rsync, required: false }];
  const detail = 'not there: files go as a plain stream, and half a file is sent again from where it was cut off';
  return [{ name: 'rsync', state: 'missing', detail, required: false }];
}

function judgeDisk({ disk }: HostFacts, { freeBytes }: TargetNeeds): readonly Check[] {
  const { root, writable, free_bytes } = disk;
  const name = 'disk';
  if (!writable) {
    const advice = 'Name a folder there that your user may write to, as `root` of that target.';
    return [{ name, state: 'missing', detail: `${root} cannot be written to`, advice, required: true }];
  }
  const detail = `${bytes(free_bytes)} free below ${root}`;
  if (free_bytes >= freeBytes) return [{ name, state: 'ok', detail, required: true }];
  const advice = `\`disk_gib\` asks for ${bytes(freeBytes)}: free some space there (\`secpi gc --target\`), or name another \`root\`.`;
  return [{ name, state: 'missing', detail, advice, required: true }];
}

/** From here on times in logs of both machines cannot be put side by side. */
const SKEW_SECONDS = 10;

function judgeClock({ time }: HostFacts, _needs: TargetNeeds, now: number): readonly Check[] {
  const skew = Math.round(time - now);
  const name = 'clock';
  // The answer was under way for a moment.
  if (Math.abs(skew) < SKEW_SECONDS) return [{ name, state: 'ok', detail: 'as here', required: false }];
  const detail = `${Math.abs(skew)} seconds ${skew > 0 ? 'ahead of' : 'behind'} this machine`;
  const advice =
    'Nothing depends on it but the times that are shown, and how old `secpi gc` takes things for. Use NTP on both.';
  return [{ name, state: 'warning', detail, advice, required: false }];
}

const FEWEST_FILES = 1024;
const FEWEST_PROCESSES = 512;

function judgeLimits({ limits }: HostFacts): readonly Check[] {
  const { open_files, processes, memory_bytes, file_bytes, cpu_seconds } = limits;
  const tight = [
    ...(open_files !== null && open_files < FEWEST_FILES ? [`${open_files} open files (ulimit -n)`] : []),
    ...(processes !== null && processes < FEWEST_PROCESSES ? [`${processes} processes (ulimit -u)`] : []),
    ...(memory_bytes === null ? [] : [`${bytes(memory_bytes)} of address space (ulimit -v)`]),
    ...(file_bytes === null ? [] : [`${bytes(file_bytes)} a file (ulimit -f)`]),
    ...(cpu_seconds === null ? [] : [`${cpu_seconds} seconds of computing (ulimit -t)`]),
  ];
  const name = 'limits';
  if (tight.length === 0)
    return [{ name, state: 'ok', detail: `${open_files ?? 'any number of'} open files`, required: false }];
  const advice = 'A login node often has such limits: use another host, or ask whoever runs it to raise them.';
  return [{ name, state: 'warning', detail: `at most ${tight.join(', ')}`, advice, required: false }];
}
