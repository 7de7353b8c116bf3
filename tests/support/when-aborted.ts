import { once } from 'node:events';

/** Waits until a signal is aborted; one that is already says so no more, and would be waited for without end. */
export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
