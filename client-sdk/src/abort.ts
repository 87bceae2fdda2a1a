/** Waits that an `AbortSignal` can end, and that let go of the signal when they end by themselves. */

/** Calls `listener` when the signal aborts; throws where it has. Returns how to let go of it. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  signal?.throwIfAborted();
  signal?.addEventListener('abort', listener);
  return () => signal?.removeEventListener('abort', listener);
}
