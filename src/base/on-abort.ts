/** Who hears of which signal. */
const hearers = new WeakMap<AbortSignal, { readonly all: Set<() => void>; readonly listener: () => void }>();

/**
 * Calls `hear` once when the signal is aborted from now on; the returned function ends that. However many hear of a signal, it has one
 * listener: Node goes through all of a signal's listeners for each that is added, so that thousands of them take minutes.
 */
export function onAbort(signal: AbortSignal, hear: () => void): () => void {
  const { all, listener } = hearers.get(signal) ?? listenTo(signal);
  all.add(hear);
  return () => {
    if (!all.delete(hear) || all.size > 0 || hearers.get(signal)?.all !== all) return;
    signal.removeEventListener('abort', listener);
    hearers.delete(signal);
  };
}

function listenTo(signal: AbortSignal) {
  const all = new Set<() => void>();
  const listener = (): void => {
    hearers.delete(signal);
    // Whoever leaves because another one was told is not told any more.
    for (const hear of all) hear();
  };
  const listening = { all, listener };
  hearers.set(signal, listening);
  signal.addEventListener('abort', listener, { once: true });
  return listening;
}
