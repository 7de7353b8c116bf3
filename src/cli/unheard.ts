import { setTimeout as sleep } from 'node:timers/promises';

/** What becomes of a command when nobody reads what it prints any more. */
export type WhenUnheard =
  /** A command that only tells something is over. */
  | 'exit'
  /** A run goes on: its work is worth more than its words, and the journal has those as well. */
  | 'keep-going';

/** What a frozen terminal does not take is dropped from here on: it is redrawn all day. A program that reads gets every line. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/**
 * Readers go away in many ways: a pipe is closed (EPIPE), a terminal is (EIO, and SIGHUP before it), the disk under a log file fills up
 * (ENOSPC), a connection hangs or somebody presses Ctrl-S, and then nothing fails but nothing is taken either. What a later call says counts.
 */
export function handleUnheard(streams: readonly NodeJS.WriteStream[], when: WhenUnheard): void {
  for (const stream of streams) {
    stream.off('error', exit);
    stream.on('error', when === 'exit' ? exit : () => undefined);
    if (when === 'keep-going') writeWithoutWaiting(stream);
  }
  // Also under `nohup`: Node undoes the ignoring that a process is started with.
  if (when === 'keep-going') process.on('SIGHUP', () => undefined);
}

function exit({ code }: NodeJS.ErrnoException): never {
  process.exit(code === 'EPIPE' ? 0 : 1);
}

/** Makes writing to a stream something that does not block. */
function writeWithoutWaiting(stream: NodeJS.WriteStream): void {
  // Node lets writes to terminals and pipes block the whole process; there is no other way to tell it not to.
  (stream as { _handle?: { setBlocking?: (blocking: boolean) => void } })._handle?.setBlocking?.(false);
  const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
  stream.write = (...args: readonly unknown[]): boolean => {
    if (stream.isTTY && stream.writableLength > MOST_UNREAD_BYTES) return false;
    return write(...args);
  };
}

/** So long a reader may do something else when all is said; a pager does. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 100;

/**
 * Waits until everything said was taken, or until nobody has taken anything for a minute: true, then. A process with unread words
 * never ends by itself, and a batch job would hold its machine for a pipe that nobody reads.
 */
export async function isLeftUnread(
  streams: readonly Pick<NodeJS.WriteStream, 'writableLength'>[],
  patienceMs: number = PATIENCE_MS,
): Promise<boolean> {
  const unread = (): number => streams.reduce((sum, { writableLength }) => sum + writableLength, 0);
  let [last, since] = [unread(), performance.now()];
  while (last > 0) {
    if (performance.now() - since > patienceMs) return true;
    await sleep(LOOK_EVERY_MS);
    const now = unread();
    if (now !== last) [last, since] = [now, performance.now()];
  }
  return false;
}
