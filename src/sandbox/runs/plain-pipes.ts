/**
 * Pipes for standard input and output of runs. Node's own are sockets, which no path opens: a program that opens `/dev/stdout` fails. Node
 * makes no others, but a shell does, and what one process holds another of the same user can open.
 */
import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { type RunningProcess, startProcess } from '../../base/processes/child-process.js';

/** The descriptors that every shell can name. */
const FDS = [3, 4, 5, 6, 7, 8, 9];

/** So many a run takes. */
const A_RUN = 3;

/** To start a shell takes longer than all that it is asked for. */
const ROUNDS = 5;

const HOLD = 'echo $$; read -r go';
/** Programs for a shell that holds pipes as these descriptors, says its process id and waits; if it can, with others after each line. */
export const PIPE_MAKERS = {
  /** Short here-documents lie in pipes, but for bash before 5.1. */
  hereDocuments: `while\nexec ${FDS.map((fd) => `${fd}<<E`).join(' ')}\n${FDS.map(() => 'x\nE\n').join('')}${HOLD}\ndo :; done`,
  /** Slower, and works with every shell: pipelines inside each other, and the innermost program has the pipes of all. */
  pipelines: `exec 2>&1\n${FDS.reduce((inner, fd) => `{ ${inner}; } ${fd}>&1 | :`, `exec sh -c '${HOLD}' >&2`)}`,
} as const;

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

/** A pipe with one end here. */
export interface PlainPipe {
  /** Opens the other end. Valid until `handedOver`. */
  readonly path: string;
  readonly stream: Socket;
  /** From now on there is nobody but the other end: when that is closed, it is over. Safe to call more than once. */
  handedOver(): void;
}

/** Pipes in store. None is used twice. */
export class PlainPipes {
  readonly #store: number[] = [];
  #maker: string;
  #making: Promise<void> | undefined;

  constructor(maker: string = PIPE_MAKERS.hereDocuments) {
    this.#maker = maker;
  }

  /** A pipe that a program writes into, and we read. */
  toRead(): Promise<PlainPipe> {
    return this.#take(O_RDONLY);
  }

  /** A pipe that a program reads from, and we write into. */
  toWrite(): Promise<PlainPipe> {
    return this.#take(O_WRONLY);
  }

  async #take(flags: number): Promise<PlainPipe> {
    for (;;) {
      const fd = this.#store.pop();
      // In good time for the next run.
      const more = this.#store.length < A_RUN ? this.#more() : Promise.resolve();
      if (fd === undefined) {
        await more;
        continue;
      }
      more.catch(() => {}); // whoever needs one then tries again
      return pipeOf(fd, flags);
    }
  }

  #more(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<void> {
    const holder = await startProcess({
      argv: ['/bin/sh', '-c', this.#maker],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdin: 'hold',
      stdout: 'stream',
      graceSeconds: 0,
    });
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const pid = await said(holder);
        if (pid === '' && round > 0) break;
        this.#store.push(...held(pid));
        holder.stdin?.write('go\n');
      }
    } catch (error) {
      if (this.#maker === PIPE_MAKERS.pipelines) throw error;
      this.#maker = PIPE_MAKERS.pipelines;
    } finally {
      await holder.stop();
    }
  }
}

/** The next line; empty when there is none any more. */
function said({ stdout }: RunningProcess): Promise<string> {
  return new Promise((resolve) => {
    stdout?.once('data', (text) => resolve(String(text).trim()));
    stdout?.once('close', () => resolve(''));
  });
}

/** What a process holds, as our own. */
function held(pid: string): readonly number[] {
  if (!/^\d+$/.test(pid)) throw new Error('the shell of this machine makes no pipes');
  const opened = FDS.map((fd) => openSync(`/proc/${pid}/fd/${fd}`, O_RDWR | O_NONBLOCK));
  if (!opened.every((fd) => fstatSync(fd).isFIFO())) {
    for (const fd of opened) closeSync(fd);
    throw new Error('the shell of this machine makes no pipes');
  }
  for (const fd of opened) {
    emptied(fd);
    // The program that has it may be another user.
    fchmodSync(fd, 0o666);
  }
  return opened;
}

function emptied(fd: number): void {
  try {
    while (readSync(fd, Buffer.alloc(64)) > 0);
  } catch {
    // Nothing is left in it.
  }
}

function pipeOf(fd: number, flags: number): PlainPipe {
  const path = `/proc/self/fd/${fd}`;
  const reads = flags === O_RDONLY;
  let held = true;
  return {
    path,
    stream: new Socket({ fd: openSync(path, flags | O_NONBLOCK), readable: reads, writable: !reads }),
    handedOver: () => {
      if (held) closeSync(fd);
      held = false;
    },
  };
}
