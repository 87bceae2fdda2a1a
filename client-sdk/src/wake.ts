/**
 * Tells when a page has woken up: the network is back, the page left the back/forward cache, or its tab is seen
 * again. Timers may have slept meanwhile and sockets died unnoticed, so the link probes at once.
 */

export function onPageWake(callback: () => void): () => void {
  if (typeof addEventListener !== 'function' || typeof document === 'undefined') return () => {};
  const seen = () => {
    if (document.visibilityState === 'visible') callback();
  };
  addEventListener('online', callback);
  addEventListener('pageshow', callback);
  document.addEventListener('visibilitychange', seen);
  return () => {
    removeEventListener('online', callback);
    removeEventListener('pageshow', callback);
    document.removeEventListener('visibilitychange', seen);
  };
}
