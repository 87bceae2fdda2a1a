/** Which events of a page count as waking up, and that listening can be ended. */
import { afterEach, expect, it, vi } from 'vitest';
import { onPageWake } from '../../client-sdk/src/wake.ts';

afterEach(() => vi.unstubAllGlobals());

function page() {
  const window = new EventTarget();
  const document = { hidden: false };
  vi.stubGlobal('document', document);
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  const woken = vi.fn();
  const happens = (type: string, properties = {}) => {
    window.dispatchEvent(Object.assign(new Event(type), properties));
    return woken.mock.calls.length;
  };
  return { document, happens, stop: onPageWake(woken) };
}

it('the network is back, the page is back from the cache, the tab is seen again', () => {
  const { document, happens, stop } = page();
  expect(happens('online')).toBe(1);
  expect(happens('pageshow', { persisted: true })).toBe(2);
  expect(happens('visibilitychange')).toBe(3);
  // Shown for the first time; hidden.
  expect(happens('pageshow', { persisted: false })).toBe(3);
  document.hidden = true;
  expect(happens('visibilitychange')).toBe(3);
  // In a hidden tab messages are wanted, too.
  expect(happens('online')).toBe(4);
  stop();
  expect(happens('online')).toBe(4);
});

it('in a worker, which has no document, the network wakes', () => {
  const { happens } = page();
  vi.stubGlobal('document', undefined);
  expect(happens('online')).toBe(1);
});

it('outside of pages nothing wakes', () => {
  expect(globalThis.addEventListener).toBe(undefined);
  const woken = vi.fn();
  onPageWake(woken)();
  expect(woken).not.toHaveBeenCalled();
});
