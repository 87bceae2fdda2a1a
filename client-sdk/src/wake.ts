/**
 * Tells when a page has woken up: the network is back, the page left the back/forward cache, or its tab is seen
 * again. Timers may have slept meanwhile and sockets died unnoticed, so the link probes at once.
 *
 * A page that is shown for the first time (`pageshow`, not persisted) has not slept. Workers know `online` only.
 */

export function onPageWake(callback: () => void): () => void {
  // Serves as the listeners' options: it has a `signal`.
  const stop = new AbortController();
  globalThis.addEventListener?.('online', callback, stop);
  globalThis.addEventListener?.('pageshow', (event) => event.persisted && callback(), stop);
  // Bubbles up from the document.
  globalThis.addEventListener?.('visibilitychange', () => document.hidden || callback(), stop);
  return () => stop.abort();
}
