/**
 * The live dashboard in a browser, against a real hub and the real feeder. Nothing here waits for a time: every step
 * waits for what a visitor would see.
 *
 * Losses are checked against the feeder's numbering, which the page counts by itself: published = handled + lost +
 * replaced + waiting.
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { consume, declareQueue, deleteQueue } from '@ringhub/client/queues';
import { startFeeder } from '@ringhub/demo/feeder';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';

type LaneName = 'normal' | 'throttled';
type Lane = Record<'published' | 'handled' | 'lost' | 'gaps' | 'replaced' | 'waiting', number>;

const WAIT_MS = 40_000;
const builtPage = join(process.cwd(), 'demo/dist/dashboard/index.html');
const feeder = new AbortController();
const shots = mkdtempSync(join(tmpdir(), 'ringhub-dashboard-'));
let hub: RunningHub;
let browser: Browser;
let page: Page;
let faults: string[];

beforeAll(async () => {
  if (!existsSync(builtPage)) throw new Error('the pages are not built: node scripts/build.mjs demo');
  hub = await startHub({ port: 0 });
  await startFeeder({ url: hub.url, token: hub.token, signal: feeder.signal });
  browser = await launchBrowser();
});

afterAll(async () => {
  feeder.abort();
  await browser?.close();
  await hub?.close();
});

beforeEach(async () => {
  faults = [];
  page = await browser.newPage({
    viewport: { width: 1600, height: 1000 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  });
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
  });
  await page.goto(`${hub.httpUrl}/demo/dashboard/`);
  await lanesWhere(({ normal, throttled }) => normal.handled > 20 && throttled.handled > 20);
});

afterEach(async () => {
  await page?.close();
  expect(faults).toEqual([]);
});

/** Waits until both lanes, read in one moment, fit; returns them. */
async function lanesWhere(fits: (lanes: Record<LaneName, Lane>) => boolean): Promise<Record<LaneName, Lane>> {
  let lanes!: Record<LaneName, Lane>;
  const look = async () => {
    lanes = await page.evaluate(readLanes);
    return fits(lanes);
  };
  await expect.poll(look, { timeout: WAIT_MS, interval: 200 }).toBe(true);
  return lanes;
}

/** Runs in the page. */
function readLanes(): Record<LaneName, Lane> {
  const read = (name: string) => {
    const lane = document.querySelector(`[data-lane=${name}]`);
    const figure = (key: string) =>
      Number((lane?.querySelector(`[data-figure=${key}]`)?.textContent ?? '').replaceAll(',', ''));
    return {
      published: figure('published'),
      handled: figure('handled'),
      lost: figure('lost'),
      gaps: figure('gaps'),
      replaced: figure('replaced'),
      waiting: Number(lane?.querySelector('.account')?.getAttribute('data-waiting')),
    };
  };
  return { normal: read('normal'), throttled: read('throttled') };
}

const card = (lane: LaneName) => page.locator(`[data-lane=${lane}]`);
const logLine = (text: RegExp) => page.locator('.log li').filter({ hasText: text }).first();
const offlineLabel = (text: RegExp) => page.locator('.offline-label').filter({ hasText: text }).first();
/** By keyboard: a page that lives may have moved between a click's aim and the click. */
async function choose(policy: string): Promise<void> {
  const radio = page.getByRole('radio', { name: policy, exact: true });
  await radio.press('Space');
  await expect.poll(() => radio.isChecked()).toBe(true);
}
const roomFor = (messages: number) => page.getByLabel('Room in the ring').selectOption(String(messages));

/**
 * 10 messages a second: a fraction of what is published, and gaps are still met soon. By keyboard, as the slider is
 * the one control a mouse cannot set exactly.
 */
async function slow(): Promise<void> {
  const slider = page.getByLabel('Throttled takes');
  for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await slider.press(key);
}

const accountHolds = ({ published, handled, lost, replaced, waiting }: Lane) =>
  published === handled + lost + replaced + waiting;

describe('the live dashboard', () => {
  it('draws the host and the hub as they are', async () => {
    await expectDrawn('.chart-panel canvas', 4);
    await expectDrawn('.lane-chart canvas', 2);
    await page.locator('.legend li', { hasText: 'all cores' }).waitFor();
    await page.locator('.residual.holds', { hasText: '✓ 0' }).waitFor();
    await page.locator('.figure', { hasText: 'published' }).locator('dd', { hasText: /[1-9]/ }).waitFor();
    if (process.platform === 'linux') await page.locator('.processes tbody tr').first().waitFor();
    await page.screenshot({ path: join(shots, 'wide.png'), fullPage: true });
  });

  it('shows named queues: what waits in each, and their four numbers', async () => {
    const client = await connect(hub.url, { token: hub.token });
    try {
      await declareQueue(client, 'jobs.of.the.test');
      const row = page.locator('.queues tbody tr', { hasText: 'jobs.of.the.test' });
      const cell = (name: string) => row.locator(`[data-cell="${name}"]`);
      await cell('response time').filter({ hasText: '–' }).waitFor();
      for (let i = 0; i < 3; i++) await client.publish('', 'jobs.of.the.test', 'x');
      await cell('ready').filter({ hasText: /^3$/ }).waitFor();
      let finish = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const consumer = await consume(client, 'jobs.of.the.test', { prefetch: 2 }, () => finished);
      await cell('in flight').filter({ hasText: /^2$/ }).waitFor();
      finish();
      await cell('ready').filter({ hasText: /^0$/ }).waitFor();
      await cell('in flight').filter({ hasText: /^0$/ }).waitFor();
      await cell('response time')
        .filter({ hasText: /\d+ ms|s/ })
        .waitFor();
      await cell('loss')
        .filter({ hasText: /^0\.0 %$/ })
        .waitFor();
      await row.locator('.sparkline').waitFor();
      await consumer.unsubscribe();
      await deleteQueue(client, 'jobs.of.the.test');
      await row.waitFor({ state: 'detached' });
    } finally {
      await client.close();
    }
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await expectDrawn('.chart-panel canvas', 4);
    await page.screenshot({ path: join(shots, 'narrow.png'), fullPage: true });
  });

  it('shows a slow handler each gap with its count, and the other one none', async () => {
    await roomFor(20);
    await slow();
    await page.locator('.strip .throttled .gap-block[data-count]').first().waitFor({ state: 'attached' });
    await logLine(/throttled\s+[\d,]+ messages? lost.*overflow.*offsets \d+/).waitFor();
    const { normal, throttled } = await lanesWhere((lanes) => lanes.throttled.gaps >= 2);
    expect(throttled.lost).toBeGreaterThanOrEqual(throttled.gaps);
    expect(accountHolds(throttled)).toBe(true);
    expect(normal).toMatchObject({ lost: 0, gaps: 0 });
    // The blocks show all that was told; nothing more is told while both are read.
    await page.getByRole('button', { name: 'Pause reading' }).click();
    await page.waitForFunction(() => {
      const blocks = [...document.querySelectorAll<HTMLElement>('.gap-block')];
      const shown = blocks.reduce((sum, block) => sum + Number(block.dataset.count), 0);
      const told = document.querySelector('[data-lane=throttled] [data-figure=lost]')?.textContent ?? '';
      return shown > 0 && shown === Number(told.replaceAll(',', ''));
    });
    await page.screenshot({ path: join(shots, 'gaps.png'), fullPage: true });
  });

  it('conflates: newer values replace older ones, and nothing is lost', async () => {
    await choose('conflate');
    await slow();
    await page.locator('.strip .throttled .badge').first().waitFor({ state: 'attached' });
    const { throttled } = await lanesWhere((lanes) => lanes.throttled.replaced > 20);
    expect(throttled).toMatchObject({ lost: 0, gaps: 0 });
    expect(accountHolds(throttled)).toBe(true);
  });

  it('resumes after a cut, and the one that keeps up has lost nothing', async () => {
    await page.getByRole('button', { name: 'Cut until I reconnect' }).click();
    await page.locator('.link-state[data-state=waiting]').waitFor();
    await offlineLabel(/^offline [\d.]+ s$/).waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Reconnect now' }).click();
    await offlineLabel(/resumed, 0 lost, [1-9]\d* caught up/).waitFor({ state: 'attached' });
    await logLine(/back after .*session resumed/).waitFor();
    const before = await lanesWhere(({ normal }) => normal.waiting === 0);
    const { normal } = await lanesWhere((lanes) => lanes.normal.waiting === 0 && lanes.normal.handled > 100);
    expect(normal.handled).toBeGreaterThanOrEqual(before.normal.handled);
    expect(normal).toMatchObject({ lost: 0, gaps: 0, replaced: 0, published: normal.handled });
    await page.screenshot({ path: join(shots, 'resumed.png'), fullPage: true });
  });

  it('comes back by itself after three seconds', async () => {
    await page.getByRole('button', { name: 'Cut for 3 s' }).click();
    await offlineLabel(/offline .* — resumed, 0 lost, [1-9]\d* caught up/).waitFor({ state: 'attached' });
  });

  it('pauses, and tells on reading on what did not fit', async () => {
    await roomFor(20);
    // Paused from the start, its account would not know with which message it begins, and the page not what waits.
    await logLine(/subscribed anew.*room for 20/).waitFor();
    await page.getByRole('button', { name: 'Pause reading' }).click();
    await card('throttled')
      .locator('.is-lost', { hasText: /lost, to be told/ })
      .waitFor();
    // A machine too busy to keep up may have lost some before the pause.
    const { throttled: atFirst } = await lanesWhere((lanes) => lanes.throttled.waiting > 20);
    const { throttled: paused } = await lanesWhere((lanes) => lanes.throttled.waiting > atFirst.waiting + 20);
    expect(paused.lost).toBe(atFirst.lost);
    await page.getByRole('button', { name: 'Read on' }).click();
    const { throttled } = await lanesWhere((lanes) => lanes.throttled.gaps > paused.gaps);
    expect(throttled.lost).toBeGreaterThan(paused.lost);
  });

  it('changes the policy: refusing, catching up, disconnecting', async () => {
    await roomFor(20);
    await slow();
    await choose('drop-newest');
    await logLine(/subscribed anew: drop-newest/).waitFor();
    await logLine(/lost.*refused/).waitFor();

    await choose('catch-up');
    await card('throttled')
      .getByText(/[\d,]+ more wait in the log/)
      .waitFor();
    await page.getByLabel('Throttled takes').press('End');
    const { throttled } = await lanesWhere(
      (lanes) => lanes.throttled.waiting < 20 && lanes.throttled.handled > 60,
    );
    expect(throttled).toMatchObject({ lost: 0, gaps: 0 });

    await slow();
    await choose('disconnect');
    await offlineLabel(/resumed/).waitFor({ state: 'attached' });
    await logLine(/lost.*slow-consumer/).waitFor();
  });
});

/** So many canvases, each with something drawn on it besides its axes. */
async function expectDrawn(selector: string, howMany: number): Promise<void> {
  await page.waitForFunction(
    ([canvases, expected]) => {
      const found = [...document.querySelectorAll<HTMLCanvasElement>(canvases as string)];
      const colours = (canvas: HTMLCanvasElement) => {
        const { width, height } = canvas;
        if (width === 0 || height === 0) return 0;
        const pixels = new Uint32Array(
          canvas.getContext('2d')!.getImageData(0, 0, width, height).data.buffer,
        );
        return new Set(pixels).size;
      };
      return found.length === expected && found.every((canvas) => colours(canvas) > 40);
    },
    [selector, howMany] as const,
    { polling: 200 },
  );
}
