/**
 * A browser's own `EventSource` with the cookie (PROTOCOL §17): it comes back by itself, from where it was, after the
 * network broke and after the hub was restarted; the pages of other sites get nothing.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';
import { Wire } from './support/wire.ts';

const WAIT = { timeout: 20_000, interval: 25 };

let browser: Browser;
let hub: RunningHub;
let wire: Wire;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  hub = await startHub();
  wire = await Wire.to(hub.port);
  page = await browser.newPage();
});
afterEach(async () => {
  await page.context().close();
  await wire.close();
  await hub.close();
});

async function publish(...texts: string[]): Promise<void> {
  const answer = await fetch(`${hub.httpUrl}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${hub.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: texts.map((text) => ({ key: 'n', text })) }),
  });
  expect(answer.status).toBe(200);
}

/** Opens the hub's own page, takes the cookie there, and listens; everything that comes is in `seen`, in order. */
async function listen(): Promise<void> {
  await page.goto(wire.httpUrl);
  await page.evaluate(async () => {
    const given = await fetch('/v1/dev/events-cookie', { method: 'POST' });
    if (given.status !== 204 || document.cookie !== '') throw new Error('no cookie, or one that scripts see');
    const seen: string[] = [];
    Object.assign(window, { seen });
    const source = new EventSource('/v1/events?key=n');
    source.addEventListener('open', () => seen.push('open'));
    source.addEventListener('message', ({ data }) => seen.push(JSON.parse(data).text));
    for (const type of ['gap', 'closed']) {
      source.addEventListener(type, ({ data }) => {
        const { reason, name } = JSON.parse(data);
        seen.push(`${type}: ${reason ?? name}`);
      });
    }
  });
  await seen('open');
}

const seen = (...wanted: string[]) => expect.poll(() => page.evaluate('seen'), WAIT).toEqual(wanted);

it('goes on where it was when its connection was cut', async () => {
  await listen();
  await publish('1', '2');
  await seen('open', '1', '2');
  wire.cut();
  await publish('3', '4');
  await seen('open', '1', '2', 'open', '3', '4');
  await publish('5');
  await seen('open', '1', '2', 'open', '3', '4', '5');
});

it('comes back to a hub that was restarted, and is told what nobody can know', async () => {
  await listen();
  await publish('1');
  await seen('open', '1');
  const { port, token } = hub;
  await hub.close();
  await seen('open', '1', 'closed: draining');
  hub = await startHub({ port, token });
  await seen('open', '1', 'closed: draining', 'open', 'gap: epoch');
  await publish('2');
  await seen('open', '1', 'closed: draining', 'open', 'gap: epoch', '2');
});

describe('the page of another site', () => {
  const site = createServer((_request, response) => response.end('another site'));
  beforeAll(() => once(site.listen(0, '127.0.0.1'), 'listening'));
  afterAll(() => site.close());

  // Browsers send cookies to every port of a host: the first of these is one that they count as the same site.
  it.each(['127.0.0.1', 'localhost'])('on %s gets no stream with the cookie', async (host) => {
    const origin = `http://${host}:${(site.address() as AddressInfo).port}`;
    await hub.close();
    hub = await startHub({ port: hub.port, origins: [origin] });
    await page.goto(wire.httpUrl);
    await page.evaluate(() => fetch('/v1/dev/events-cookie', { method: 'POST' }));

    await page.goto(origin);
    // What the network saw: of an answer that it may not read, a page is told nothing.
    const network = await page.context().newCDPSession(page);
    const cookies = new Map<string, string | undefined>();
    const answers: number[] = [];
    network.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => {
      if (headers.Host === new URL(wire.httpUrl).host) cookies.set(requestId, headers.Cookie);
    });
    network.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
      if (cookies.has(requestId)) answers.push(statusCode);
    });
    await network.send('Network.enable');
    const states = await page.evaluate(async (url) => {
      const source = new EventSource(url, { withCredentials: true });
      const first = await new Promise<string>((resolve) => {
        for (const type of ['open', 'message', 'error']) source.addEventListener(type, () => resolve(type));
      });
      const unread = fetch(url, { mode: 'no-cors', credentials: 'include' });
      return [first, source.readyState, await unread.then(String, () => 'refused')];
    }, `${wire.httpUrl}/v1/events`);
    expect(states).toEqual(['error', 2, 'refused']);
    await expect.poll(() => answers, WAIT).toEqual([401, 401]);
    const sent = host === 'localhost' ? undefined : expect.stringMatching(/^ringhub_events=./);
    expect([...cookies.values()]).toEqual([sent, sent]);
    expect(hub.stats()).toMatchObject({ queues: 0, sessions: { attached: 0, parked: 0 } });
  });
});
