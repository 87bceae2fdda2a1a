/**
 * The shop in a browser, with the hub and its workers as processes: what is killed loses no order, nothing is done twice,
 * and each customer is told of their own orders only. Nothing here waits for a time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { history } from '@ringhub/client/history';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser } from './support/browser.ts';
import { watchedPage } from './support/watched-page.ts';

const WAIT_MS = 40_000;
const root = process.cwd();
const program = join(root, 'server/dist/main.js');
const shots = process.env.RINGHUB_SHOTS ?? mkdtempSync(join(tmpdir(), 'ringhub-orders-'));
let browser: Browser;
let pages: Page[];
let faults: string[];
let hubs: HubProcess[];
let folders: string[];

/** `ringhub serve --dev` as a process, with its log. */
class HubProcess {
  said = '';
  readonly ended: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (text) => {
        this.said += text;
      });
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  static async start(data: string, port = 0): Promise<HubProcess> {
    const args = ['serve', '--dev', '--port', String(port), '--data', data, '--log-level', 'info'];
    // With a new token at each start, as for most who try it.
    const env = { PATH: process.env.PATH };
    const hub = new HubProcess(spawn(process.execPath, [program, ...args], { env }));
    hubs.push(hub);
    await expect.poll(() => hub.said, { timeout: WAIT_MS }).toMatch(/is at http.*Token +\S+\n/s);
    return hub;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get httpUrl(): string {
    return /is at (http:\/\/[\d.]+:\d+)\//.exec(this.said)![1]!;
  }

  get token(): string {
    return /Token +(\S+)/.exec(this.said)![1]!;
  }

  get port(): number {
    return Number(new URL(this.httpUrl).port);
  }

  /** All it has started. */
  get workerPids(): number[] {
    return [...this.said.matchAll(/worker runs as pid (\d+)/g)].map(([, pid]) => Number(pid));
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Whether it still runs: one that has ended and that nobody has asked about does not. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
}

beforeAll(async () => {
  for (const part of [program, join(root, 'demo/dist/orders/index.html')])
    if (!existsSync(part)) throw new Error(`${part} is not built: npm run build`);
  mkdirSync(shots, { recursive: true });
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

beforeEach(() => {
  faults = [];
  pages = [];
  hubs = [];
  folders = [];
});

afterEach(async () => {
  for (const page of pages) await page.close();
  for (const hub of hubs) await hub.end('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  // While the hub is gone, a browser says that it cannot be reached.
  expect(
    faults.filter((fault) => !/ERR_CONNECTION_(REFUSED|RESET)|WebSocket connection/.test(fault)),
  ).toEqual([]);
});

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringhub-orders-data-'));
  folders.push(folder);
  return folder;
}

async function visit(hub: HubProcess, query = '', options: BrowserContextOptions = {}): Promise<Page> {
  const viewport = { width: 1280, height: 900 };
  const page = await watchedPage(browser, faults, { viewport, colorScheme: 'dark', ...options }, WAIT_MS);
  pages.push(page);
  await page.goto(`${hub.httpUrl}/demo/orders/${query}`);
  await isOpen(page);
  return page;
}

async function isOpen(page: Page): Promise<void> {
  for (const card of await page.locator('.customer').all())
    await card.locator('.link-state[data-state=online]').waitFor();
  for (const name of ['stock', 'payment', 'mail']) await worker(page, name, '[data-state=up]').waitFor();
}

const customer = (page: Page, index = 0): Locator => page.locator('.customer').nth(index);
const worker = (page: Page, name: string, having = ''): Locator =>
  page.locator(`[data-service=${name}]${having}`);

async function order(from: Locator, article: string, quantity = 1, button = 'Order'): Promise<void> {
  const value = await from.locator('option', { hasText: article }).getAttribute('value');
  await from.getByLabel('Article').selectOption(value);
  await from.getByLabel('How many').selectOption(String(quantity));
  await from.getByRole('button', { name: button, exact: true }).click();
}

/**
 * Orders teapots, and kills a worker at its button while it has one in hand, until `evidence` shows that it came again: a
 * slow click may hit a worker that was just done with both. Returns how many it ordered.
 */
async function kill(page: Page, name: string, from: Locator, evidence: string): Promise<number> {
  const done = from.locator(`[data-from=${name}][data-state=done]`);
  const shown = from.locator(`[data-from=${name}]`, { hasText: evidence });
  const before = await from.locator('.orders > li[data-order]').count();
  let ordered = 0;
  for (let kills = 0; kills < 4 && (await shown.count()) === 0; kills += 1) {
    for (let left = 2; left > 0; left -= 1, ordered += 1) await order(from, 'Teapot', 2);
    const busy = worker(page, name, '[data-working=yes]');
    const pid = await busy.getAttribute('data-pid');
    await busy.getByRole('button', { name: 'Kill' }).click();
    await worker(page, name, '[data-state=restarting]').waitFor();
    await page.screenshot({ path: join(shots, `orders-killed-${name}.png`), fullPage: true });
    await worker(page, name, `[data-state=up]:not([data-pid="${pid}"])`).waitFor();
    await done.nth(before + ordered - 1).waitFor();
  }
  await shown.first().waitFor();
  return ordered;
}

/** The sum that has to hold, with nothing lost and nothing twice. */
const balanced = (page: Page, placed: number, done: number, failed = 0) =>
  page
    .locator(
      `.balance[data-placed="${placed}"][data-done="${done}"][data-work="0"][data-failed="${failed}"]` +
        '[data-lost="0"][data-sending="0"][data-repeated="0"]',
    )
    .waitFor();

const told = (of: Locator, notices: number) =>
  of.locator(`.proof[data-received="${notices}"][data-foreign="0"]`).waitFor();

/** What the hub's log says: its orders, how often each service did each of them, and how often each was charged. */
async function recorded(hub: HubProcess): Promise<{ orders: number; notices: number[]; charges: number[] }> {
  const client = await connect<Record<string, { order: string; from: string }>>(hub.httpUrl, {
    token: hub.token,
  });
  const read = async (exchange: string, key: string) => {
    const { items, more } = await history(client, [[exchange, key]], { before: null, limit: 500 });
    expect(more).toBe(false);
    return items.map((item) => {
      if (item.kind !== 'message') throw new Error(`the log has a gap: ${item.reason}`);
      return item;
    });
  };
  const orders = await read('orders', '#');
  const customers = new Set(orders.map(({ routingKey }) => routingKey.split('.')[1]!));
  const counts = { notices: new Map<string, number>(), charges: new Map<string, number>() };
  for (const exchange of ['notices', 'charges'] as const)
    for (const key of customers)
      for (const { data } of await read(exchange, key)) {
        const id = `${data.order} ${data.from}`;
        counts[exchange].set(id, (counts[exchange].get(id) ?? 0) + 1);
      }
  await client.close();
  return {
    orders: orders.length,
    notices: [...counts.notices.values()],
    charges: [...counts.charges.values()],
  };
}

describe('the orders', () => {
  it('survive killed workers and a killed hub: each is done once, and only its customer is told', async () => {
    const data = dataFolder();
    const hub = await HubProcess.start(data);
    const page = await visit(hub);
    const [one, two] = [customer(page, 0), customer(page, 1)];
    // The bank had been asked: the one after it asks again, and nothing more is charged.
    let teapots = await kill(page, 'payment', one, 'charged once');
    teapots += await kill(page, 'stock', one, 'attempt 2');

    await order(two, 'Garden chair', 2);
    await order(two, 'Moon lamp');
    await order(two, 'Gift voucher', 1, 'Order five');
    await two.locator('.orders > li[data-fate=work]').nth(4).waitFor();
    await worker(page, 'stock', '[data-working=yes]').waitFor();
    await hub.end('SIGKILL');
    await page.locator('[data-hub=gone]').waitFor();
    await expect.poll(() => hub.workerPids.filter(isRunning), { timeout: WAIT_MS }).toEqual([]);
    await order(one, 'Gift voucher');
    await one.locator('.order-state', { hasText: 'waiting to be sent' }).waitFor();
    await page.screenshot({ path: join(shots, 'orders-hub-gone.png'), fullPage: true });

    const next = await HubProcess.start(data, hub.port);
    const placed = teapots + 1 + 7;
    await balanced(page, placed, placed - 1, 1);
    await told(one, teapots * 3 + 2);
    await told(two, 3 + 3 + 5 * 2);
    await two.locator('[data-from=stock][data-state=failed]', { hasText: 'sold out' }).waitFor();
    await two.locator('[data-from=payment] .again').first().waitFor();
    expect(await two.locator('.orders').innerText()).not.toContain('Teapot');
    expect(await one.locator('[data-charges="1"]').count()).toBe(teapots + 1);
    expect(await two.locator('[data-charges="1"]').count()).toBe(7);
    const { orders, notices, charges } = await recorded(next);
    expect({ orders, notices, charges }).toEqual({
      orders: placed,
      notices: Array.from({ length: (teapots + 2) * 3 + 6 * 2 }, () => 1),
      charges: Array.from({ length: placed }, () => 1),
    });

    // A page that comes later reads the same from the log.
    const lists = await page.locator('.orders').allInnerTexts();
    await page.reload();
    await isOpen(page);
    await balanced(page, placed, placed - 1, 1);
    await expect.poll(() => page.locator('.orders').allInnerTexts()).toEqual(lists);
    await page.screenshot({ path: join(shots, 'orders-wide.png'), fullPage: true });

    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await page.screenshot({ path: join(shots, 'orders-phone.png'), fullPage: true });
    expect(await next.end('SIGTERM')).toBe(0);
    await expect.poll(() => next.workerPids.filter(isRunning), { timeout: WAIT_MS }).toEqual([]);
    expect(next.workerPids).toHaveLength(3);
  });

  it('have no workers left over when the hub is killed while they start', async () => {
    const hub = await HubProcess.start('none');
    await expect.poll(() => hub.workerPids, { interval: 5, timeout: WAIT_MS }).toHaveLength(3);
    await hub.end('SIGKILL');
    await expect.poll(() => hub.workerPids.filter(isRunning), { timeout: WAIT_MS }).toEqual([]);
  });

  it('of customers in other tabs, or offline, come in, too; a hub without data says what it cannot do', async () => {
    const hub = await HubProcess.start('none');
    const page = await visit(hub, '', { viewport: { width: 1000, height: 1200 }, colorScheme: 'light' });
    await page.locator('[data-durable=no]').waitFor();
    const link = await page.getByRole('link', { name: 'One more customer' }).getAttribute('href');
    const guest = await visit(hub, link!, { viewport: { width: 390, height: 844 }, colorScheme: 'light' });
    const [one, other] = [customer(page), customer(guest)];
    await one.getByRole('button', { name: 'Go offline' }).click();
    await order(one, 'Gift voucher');
    await one.locator('.order-state', { hasText: 'waiting to be sent' }).waitFor();
    await order(other, 'Gift voucher', 3);
    await other.locator('[data-from=stock][data-state=none]').waitFor();
    await balanced(guest, 1, 1);
    await told(other, 2);
    await one.getByRole('button', { name: 'Come back' }).click();
    await balanced(page, 1, 1);
    await told(one, 2);
    await guest.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    // All of the width is the customer's.
    expect(await other.evaluate((card) => card.clientWidth)).toBeGreaterThan(340);
    await guest.screenshot({ path: join(shots, 'orders-phone-light.png'), fullPage: true });

    await hub.end('SIGKILL');
    await page.locator('[data-hub=gone]').waitFor();
    await HubProcess.start('none', hub.port);
    await one.locator('[data-note]', { hasText: 'orders of before are gone' }).waitFor();
    await order(one, 'Gift voucher');
    await balanced(page, 1, 1);
    await page.screenshot({ path: join(shots, 'orders-middle-light.png'), fullPage: true });
  });
});
