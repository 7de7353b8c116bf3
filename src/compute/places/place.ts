import { SecpiError } from '../../base/errors.js';
import type { Sha256 } from '../../base/hash.js';
import type { BytesElsewhere } from '../../engine/artifacts/bytes-elsewhere.js';
import type { Address, AgentLine } from '../jobs/job.js';
import { whyUnreachable } from './why-unreachable.js';

/** What an agent can be asked to do; each takes one line of JSON and answers in lines of JSON. */
export type AgentCommand =
  | 'start'
  | 'follow'
  | 'poll'
  | 'renew'
  | 'cancel'
  | 'release'
  | 'find'
  | 'take'
  | 'keep'
  | 'send'
  | 'receive'
  | 'garbage'
  | 'inspect'
  | 'packages'
  | 'test';

/** A machine that jobs run on, reached in its own way. */
export interface Place {
  /** For messages: `this machine`, or the name of a host. */
  readonly name: string;
  /** Absolute or relative to the user's home there; where a job of this key has its folder. */
  folderOf(job: { readonly here: string; readonly key: string }): string;
  /**
   * Asks the agent there, which is brought there first if need be. Ends when it has said all. That it ends without having said what
   * was asked for, or throws `compute/unreachable`, means that nothing is known, whatever the reason.
   */
  ask(command: AgentCommand, request: object, signal: AbortSignal): AsyncIterable<AgentLine>;
  /** How jobs get into the queue there that decides when they run; null where they just begin. */
  readonly queue: Queue | null;
  /** Whether a job ends when the one that started it is gone. */
  readonly attached: boolean;
  /** The address that a service there has to listen on, to be reached from here. */
  readonly bind: string;
  /** Whether what a job leaves there is on a disk of this machine, and so need not be brought here. */
  readonly isHere: boolean;
  /** A way from here to a service that listens there. */
  forward(address: Address): Promise<Route>;
  /** Brings inputs there, but for what lies there already; resolves to their paths there. */
  bring(
    inputs: Readonly<Record<string, Input>>,
    signal: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<Readonly<Record<string, string>>>;
  /** Brings an output here, verified; resolves to its path here. */
  fetch(output: Made, into: string, signal: AbortSignal): Promise<string>;
  /** What jobs leave can stay there; undefined where it is on a disk of this machine anyway. */
  readonly store: Store | undefined;
}

/** What a job may be given: a path on this machine, or what lies on a machine, which may be its own. */
export type Input = string | BytesElsewhere;

/** An output, where it was made. */
export interface Made {
  readonly name: string;
  readonly path: string;
  readonly files: readonly FetchedFile[];
}

/** What stays at a place. */
export interface Store {
  /**
   * Moves a folder that a job has made to where inputs lie, and resolves to its path there: a job that is given it finds it there, and the
   * job that made it can be released. Done twice it changes nothing. Throws `job/output-gone`.
   */
  keep(output: Made, jobFolder: string, signal: AbortSignal): Promise<string>;
  /** Whether it is there, by names and sizes. If so it counts as used from now on: who clears up leaves it. */
  has(bytes: BytesElsewhere, signal: AbortSignal): Promise<boolean>;
}

/** The queue of a Slurm cluster. */
export interface Queue {
  /** Options of `sbatch`, a word each. */
  readonly flags: readonly string[];
  /** How often a job that had to make room is put back into it. */
  readonly requeues: number;
}

/** The way to a service. It may be cut for a while; then it is mended by itself. */
export interface Route extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** A Unix socket of this machine that leads there, to be connected to instead of host and port. */
  readonly socketPath: string | undefined;
  /** What the system last said of its being cut. */
  complaint(): Promise<string>;
}

/** One file of an output: relative path ('' for an output that is one file), size, hex SHA-256. */
export interface FetchedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: Sha256;
}

/** The code of the one error that says nothing of a job: it may run, or not. */
export const UNREACHABLE = 'compute/unreachable';

export function unreachable(place: string, said = ''): SecpiError {
  const why = said === '' ? '' : `: ${said}`;
  const advice = whyUnreachable(said)?.advice;
  const goesOn = 'What was begun there goes on. Run the same command again once it answers: it goes on with that.';
  return new SecpiError(UNREACHABLE, `${place} cannot be reached${why}`, {
    hint: advice === undefined ? goesOn : `${advice} ${goesOn}`,
  });
}
