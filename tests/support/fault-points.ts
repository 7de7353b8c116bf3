/**
 * Every call through which secpi changes the disk, as a numbered point at which a test can let it fail or kill the process.
 * The real file system stays underneath: Node's own functions are wrapped where all code finds them, so no file operation
 * can be forgotten, and the code under test knows nothing of it.
 */
import fs, { promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

export interface FaultPoint {
  /** Counts from 1. */
  readonly number: number;
  /** `rename`, `sync`, `append`, … */
  readonly call: string;
  /** The file; of an open one where it was opened. */
  readonly path: string;
}

/** `before`: nothing of the call happens. `torn`: half of what it was to write is written. */
export type Fault = 'none' | { readonly kill: 'before' | 'torn' } | { readonly code: string };

export interface FaultWatch extends Disposable {
  /** All points so far. */
  readonly points: readonly FaultPoint[];
}

type AnyFunction = (this: unknown, ...args: never[]) => unknown;
type Module = Record<string, AnyFunction>;

/** Calls that change the disk, and what they are called here. */
const CHANGES: Readonly<Record<string, string>> = {
  appendFile: 'append',
  chmod: 'chmod',
  copyFile: 'copy',
  datasync: 'sync',
  fdatasync: 'sync',
  fsync: 'sync',
  link: 'link',
  mkdir: 'mkdir',
  mkdirSync: 'mkdir',
  rename: 'rename',
  rm: 'remove',
  rmdir: 'remove',
  sync: 'sync',
  truncate: 'truncate',
  unlink: 'remove',
  write: 'write',
  writeFile: 'write',
  writev: 'write',
};
/** Calls that only look; a test may let them fail too. */
const LOOKS: Readonly<Record<string, string>> = {
  lstat: 'look',
  opendir: 'look',
  read: 'read',
  readFile: 'read',
  readdir: 'look',
  stat: 'look',
};

/**
 * Watches until disposed. `decide` says for each point what shall happen there. Calls that only look are asked about if
 * `looks` is set.
 */
export async function watchFaults(
  decide: (point: FaultPoint) => Fault,
  options: { readonly looks?: boolean } = {},
): Promise<FaultWatch> {
  const points: FaultPoint[] = [];
  const probe = await promises.open('/dev/null', 'r');
  const handlePrototype = Object.getPrototypeOf(probe) as Module;
  await probe.close();
  const undo: (() => void)[] = [];
  const names = options.looks === true ? { ...CHANGES, ...LOOKS } : CHANGES;

  const wrap = (owner: Module, name: string, pathOf: (self: unknown, args: readonly unknown[]) => string): void => {
    const original = owner[name];
    const call = names[name];
    if (original === undefined || call === undefined) return;
    const wrapped = function (this: unknown, ...args: unknown[]): unknown {
      const point = { number: points.length + 1, call, path: pathOf(this, args) };
      points.push(point);
      const fault = decide(point);
      if (fault === 'none') return original.apply(this, args as never[]);
      if ('kill' in fault) {
        if (fault.kill === 'torn') tear(this, name, args);
        killThisProcess();
      }
      // Of an open file the system does not say which it is.
      const open = owner === handlePrototype || typeof args[0] === 'number';
      const error = systemError((fault as { code: string }).code, call, open ? undefined : point.path);
      const last = args.at(-1);
      if (owner === (fs as unknown as Module) && name.endsWith('Sync')) throw error;
      if (owner === (fs as unknown as Module) && typeof last === 'function') {
        setImmediate(last as (error: Error) => void, error);
        return undefined;
      }
      return Promise.reject(error);
    };
    owner[name] = wrapped as AnyFunction;
    undo.push(() => {
      owner[name] = original;
    });
  };

  // Making a file is a change, opening one to read is not.
  const open = promises.open;
  const opening = async (path: unknown, flags: unknown, mode: unknown): Promise<FileHandle> => {
    const creates =
      typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /[wa]/.test(String(flags ?? 'r'));
    if (creates) {
      const point = { number: points.length + 1, call: 'create', path: String(path) };
      points.push(point);
      const fault = decide(point);
      if (fault !== 'none' && 'kill' in fault) killThisProcess();
      if (fault !== 'none') throw systemError((fault as { code: string }).code, 'open', point.path);
    }
    return open(path as string, flags as string, mode as number);
  };
  (promises as { open: unknown }).open = opening;
  undo.push(() => {
    promises.open = open;
  });
  for (const name of Object.keys(names)) {
    wrap(promises as unknown as Module, name, (_self, args) => String(args[0]));
    wrap(handlePrototype, name, (self) => placeOf((self as FileHandle).fd));
    wrap(fs as unknown as Module, name, (_self, args) =>
      typeof args[0] === 'number' ? placeOf(args[0]) : String(args[0]),
    );
  }
  syncBuiltinESMExports();
  return {
    points,
    [Symbol.dispose]() {
      for (const step of undo) step();
      syncBuiltinESMExports();
    },
  };
}

/** As the system gives it. */
function systemError(code: string, call: string, path: string | undefined): NodeJS.ErrnoException {
  const syscall = { append: 'write', create: 'open', remove: 'unlink', sync: 'fsync', look: 'stat' }[call] ?? call;
  const error = new Error(`${code}: injected, ${syscall}${path === undefined ? '' : ` '${path}'`}`);
  return Object.assign(error, { code, syscall, errno: -5, ...(path === undefined ? {} : { path }) });
}

/** An open file's name. */
function placeOf(descriptor: number): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return `descriptor ${descriptor}`;
  }
}

/** Writes the first half of what a call was to write, as a kill or a power cut in the middle of it does. */
function tear(self: unknown, name: string, args: readonly unknown[]): void {
  const text =
    name === 'write' && typeof args[0] === 'number'
      ? args[1]
      : name === 'writeFile' && self === undefined
        ? args[1]
        : args[0];
  if (typeof text !== 'string' && !(text instanceof Uint8Array)) return;
  const bytes = Buffer.from(text as string);
  const half = bytes.subarray(0, bytes.length >> 1);
  const fd = typeof args[0] === 'number' ? args[0] : (self as Partial<FileHandle> | undefined)?.fd;
  if (typeof fd === 'number') fs.writeSync(fd, half);
  else if (typeof args[0] === 'string' && name === 'writeFile') fs.writeFileSync(args[0], half);
}

function killThisProcess(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way: nothing more may happen here.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('survived SIGKILL');
}
