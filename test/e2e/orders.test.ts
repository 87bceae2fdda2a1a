/**
 * The shop in a browser, against a real hub: who is told what, and who is not. Nothing here waits for a time.
 */
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';
import { watchedPage } from './support/watched-page.ts';

const WAIT_MS = 40_000;
const builtPage = join(process.cwd(), 'demo/dist/orders/index.html');
const shots = process.env.RINGHUB_SHOTS ?? mkdtempSync(join(tmpdir(), 'ringhub-orders-'));
let hub: RunningHub;
let browser: Browser;
let pages: Page[];
let faults: string[];

beforeAll(async () => {
  if (!existsSync(builtPage)) throw new Error('the pages are not built: node scripts/build.mjs demo');
  mkdirSync(shots, { recursive: true });
  hub = await startHub({ port: 0 });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await hub?.close();
});

beforeEach(() => {
  faults = [];
  pages = [];
});

afterEach(async () => {
  for (const page of pages) await page.close();
  expect(faults).toEqual([]);
});

async function visit(query = '', options: BrowserContextOptions = {}): Promise<Page> {
  const viewport = { width: 1600, height: 1000 };
  const page = await watchedPage(browser, faults, { viewport, colorScheme: 'dark', ...options }, WAIT_MS);
  pages.push(page);
  await page.goto(`${hub.httpUrl}/demo/orders/${query}`);
  for (const card of await page.locator('.customer').all())
    await card.locator('.link-state[data-state=online]').waitFor();
  await page.waitForFunction(() => !document.querySelector('.service button:disabled'));
  return page;
}

const customer = (page: Page, index = 0): Locator => page.locator('.customer').nth(index);
const service = (page: Page, name: string): Locator => page.locator(`[data-service=${name}]`);

async function order(from: Locator, article: string, quantity = 1): Promise<void> {
  const value = await from.locator('option', { hasText: article }).getAttribute('value');
  await from.getByLabel('Article').selectOption(value);
  await from.getByLabel('How many').selectOption(String(quantity));
  await from.getByRole('button', { name: 'Order', exact: true }).click();
}

/** Waits until a customer was told so much; nothing may be for anybody else. */
const told = (of: Locator, notices: number) =>
  of.locator(`.proof[data-received="${notices}"][data-expected="${notices}"][data-foreign="0"]`).waitFor();

describe('the orders', () => {
  it('go to those who work on them, and only their customer is told', async () => {
    const page = await visit();
    const [one, two] = [customer(page, 0), customer(page, 1)];
    await order(one, 'Teapot', 2);
    await told(one, 3);
    expect(await one.locator('[data-from]').allInnerTexts()).toEqual([
      expect.stringContaining('2 × Teapot set aside'),
      expect.stringContaining('€ 48 received'),
      expect.stringContaining('confirmation sent'),
    ]);
    // The other one has seen nothing of it, and is told of its own order only.
    await told(two, 0);
    await order(two, 'Garden chair');
    await told(two, 3);
    await told(one, 3);
    expect(await one.locator('.orders > li').count()).toBe(1);
    expect(await two.locator('.orders > li').innerText()).not.toContain('Teapot');
    await page.screenshot({ path: join(shots, 'orders-wide.png') });
  });

  it('are routed by key: a voucher concerns no stock', async () => {
    const page = await visit();
    const one = customer(page);
    await order(one, 'Gift voucher');
    await told(one, 2);
    await one.locator('[data-from=stock][data-state=none]').waitFor();
    expect(await service(page, 'stock').locator('[data-figure=handled]').textContent()).toBe('0');
    await service(page, 'mail').locator('[data-figure=handled]', { hasText: '1' }).waitFor();
  });

  it('wait for a service that is paused, and for a customer who is offline', async () => {
    const page = await visit();
    const [one, two] = [customer(page, 0), customer(page, 1)];
    await service(page, 'payment').getByRole('button', { name: 'Pause' }).click();
    await order(one, 'Teapot');
    await one.locator('.proof[data-received="2"][data-expected="3"]').waitFor();
    await one.locator('[data-from=payment][data-state=open]').waitFor();
    await one.getByRole('button', { name: 'Go offline' }).click();
    await one.locator('.link-state[data-state=offline]').waitFor();
    await order(one, 'Gift voucher');
    await one.locator('.order-state', { hasText: 'waiting to be sent' }).waitFor();
    await page.screenshot({ path: join(shots, 'orders-waiting.png') });

    await service(page, 'payment').getByRole('button', { name: 'Work on' }).click();
    await service(page, 'payment').locator('[data-figure=handled]', { hasText: '1' }).waitFor();
    await one.getByRole('button', { name: 'Come back' }).click();
    await told(one, 5);
    await told(two, 0);
  });

  it('come from other tabs, too', async () => {
    const page = await visit();
    const link = await page.getByRole('link', { name: 'One more customer' }).getAttribute('href');
    const guest = await visit(link!, { viewport: { width: 390, height: 844 }, colorScheme: 'light' });
    await order(customer(guest), 'Garden chair', 3);
    await told(customer(guest), 3);
    await told(customer(page, 0), 0);
    await guest.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await guest.screenshot({ path: join(shots, 'orders-phone-light.png'), fullPage: true });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await page.setViewportSize({ width: 1000, height: 1200 });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.screenshot({ path: join(shots, 'orders-middle-light.png'), fullPage: true });
  });
});
