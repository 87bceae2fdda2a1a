/**
 * Tells when a page has woken up: the network is back, the page left the back/forward cache, or its tab is seen
 * again. Timers may have slept meanwhile and sockets died unnoticed, so the link probes at once.
 */

export function onPageWake(callback: () => void): () => void {
  if (typeof document === 'undefined') return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  addEventListener('online', callback, { signal });
  addEventListener('pageshow', callback, { signal });
  document.addEventListener('visibilitychange', () => document.hidden || callback(), { signal });
  return () => stop.abort();
}
