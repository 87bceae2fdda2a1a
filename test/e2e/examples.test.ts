/** examples/dashboard.html in a browser, served by a site of its own: the hub knows that site's origin. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';

const HUB_IN_PAGE = 'http://127.0.0.1:8080';
const site = createServer((_request, response) => {
  const page = readFileSync('examples/dashboard.html', 'utf8');
  response
    .setHeader('Content-Type', 'text/html; charset=utf-8')
    .end(page.replaceAll(HUB_IN_PAGE, hub.httpUrl));
});
let hub: RunningHub;
let browser: Browser;
let page: string;

beforeAll(async () => {
  await once(site.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  page = `${origin}/dashboard.html`;
  hub = await startHub({ origins: [origin] });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await hub?.close();
  site.close();
});

const publish = (key: string, celsius: number) =>
  fetch(`${hub.httpUrl}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${hub.token}` },
    body: JSON.stringify({ exchange: 'amq.topic', key, data: { celsius } }),
  });

it('dashboard.html shows the latest value of each key, and follows', async () => {
  await publish('sensors.kitchen.temperature', 20);
  await publish('sensors.kitchen.temperature', 21);
  const tab = await browser.newPage();
  await tab.goto(`${page}#${hub.token}`);
  await tab.getByText('sensors.kitchen.temperature {"celsius":21}').waitFor();
  await publish('sensors.cellar.temperature', 12);
  await publish('sensors.kitchen.temperature', 22);
  await tab.getByText('sensors.cellar.temperature {"celsius":12}').waitFor();
  await tab.getByText('sensors.kitchen.temperature {"celsius":22}').waitFor();
  expect(await tab.locator('tr').count()).toBe(2);
  expect(await tab.locator('#state').textContent()).toBe('online');
  await tab.close();
});

it('dashboard.html says so where its token is wrong', async () => {
  const tab = await browser.newPage();
  await tab.goto(`${page}#wrong`);
  await tab.getByText('unauthorized').waitFor();
  await tab.close();
});
