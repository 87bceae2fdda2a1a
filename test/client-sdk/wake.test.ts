/** Which events of a page count as waking up, and that listening can be ended. */
import { afterEach, expect, it, vi } from 'vitest';
import { onPageWake } from '../../client-sdk/src/wake.ts';

afterEach(() => vi.unstubAllGlobals());

function page() {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal('document', document);
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  const woken = vi.fn();
  return { window, document, woken, stop: onPageWake(woken) };
}

it('the network is back, the page is back, the tab is seen again', () => {
  const { window, document, woken, stop } = page();
  window.dispatchEvent(new Event('online'));
  window.dispatchEvent(new Event('pageshow'));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toHaveBeenCalledTimes(3);
  document.hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toHaveBeenCalledTimes(3);
  stop();
  window.dispatchEvent(new Event('online'));
  expect(woken).toHaveBeenCalledTimes(3);
});

it('outside of pages nothing wakes', () => {
  const woken = vi.fn();
  onPageWake(woken)();
  expect(woken).not.toHaveBeenCalled();
});
