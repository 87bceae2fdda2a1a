/**
 * A4 and X8 in a real browser: pages of other origins get nowhere, by whatever means a page has; and text that looks like
 * script stays text, wherever people and programs may write it.
 */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import { declareQueue } from '@ringhub/client/queues';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { chromiumFlags, chromiumPath } from './support/browser.ts';

const WAIT_MS = 40_000;
const FOREIGN_NAME = 'rebound.example';

let browser: Browser;
let elsewhere: Server;
const running: RunningHub[] = [];

beforeAll(async () => {
  if (!existsSync(join(process.cwd(), 'demo/dist/chat/index.html')))
    throw new Error('the pages are not built: node scripts/build.mjs');
  // A foreign name that leads to this machine, as an attacker's DNS would have it.
  const args = [...chromiumFlags(), `--host-resolver-rules=MAP ${FOREIGN_NAME} 127.0.0.1`];
  browser = await chromium.launch({ executablePath: chromiumPath(), headless: true, args });
  elsewhere = createServer((_, answer) =>
    answer.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>elsewhere</title>'),
  ).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
});
afterAll(async () => {
  await browser?.close();
  elsewhere?.close();
});
afterEach(() => Promise.all(running.splice(0).map((hub) => hub.close())));

async function start(options: StartHubOptions = {}): Promise<RunningHub> {
  const hub = await startHub(options);
  running.push(hub);
  return hub;
}

/** Tries everything a page has against a hub; tells what it got by each. */
const attack = (page: Page, { url, httpUrl, token }: Pick<RunningHub, 'url' | 'httpUrl' | 'token'>) =>
  page.evaluate(
    async ({ url, httpUrl, token }) => {
      const got: Record<string, string> = {};
      const socket = (name: string, protocol: string) =>
        new Promise<void>((done) => {
          const ws = new WebSocket(url, protocol);
          ws.onopen = () => {
            got[name] = 'open';
            ws.send(JSON.stringify(['hello', { version: 1, token }]));
          };
          ws.onerror = () => {
            got[name] ??= 'refused';
          };
          ws.onmessage = () => {
            got[name] = 'answered';
            ws.close();
          };
          // A hub that lets a connection open and then ends it has not refused the page.
          ws.onclose = () => done();
        });
      const events = (name: string, options: EventSourceInit) =>
        new Promise<void>((done) => {
          const source = new EventSource(`${httpUrl}/v1/events?key=%23`, options);
          source.onopen = () => {
            got[name] = 'open';
            source.close();
            done();
          };
          source.onerror = () => {
            got[name] ??= 'refused';
            source.close();
            done();
          };
        });
      const ask = async (name: string, path: string, init: RequestInit) => {
        try {
          const answer = await fetch(httpUrl + path, init);
          // An opaque answer says nothing; whether it did something, the hub is asked afterwards.
          got[name] = answer.type === 'opaque' ? 'refused' : `answered ${answer.status}`;
        } catch {
          got[name] = 'refused';
        }
      };
      const headers = { Authorization: `Bearer ${token}` };
      await socket('WebSocket, text', 'ringhub.v1.json');
      await socket('WebSocket, binary', 'ringhub.v1.bin');
      await events('EventSource', {});
      await events('EventSource with cookies', { withCredentials: true });
      await ask('fetch with a token', '/v1/publish?key=a', { method: 'POST', body: 'x', headers });
      await ask('fetch with cookies', '/v1/publish?key=a', {
        method: 'POST',
        body: 'x',
        credentials: 'include',
      });
      await ask('fetch without cors', '/v1/publish?key=a', {
        method: 'POST',
        body: 'x',
        mode: 'no-cors',
        credentials: 'include',
      });
      await ask('the topology', '/v1/topology', { headers });
      await ask('statistics', '/v1/stats', { credentials: 'include' });
      await ask('the token', '/v1/dev/token', { credentials: 'include' });
      await ask('the cookie', '/v1/dev/events-cookie', { method: 'POST', credentials: 'include' });
      await ask('the cookie without cors', '/v1/dev/events-cookie', {
        method: 'POST',
        mode: 'no-cors',
        credentials: 'include',
      });
      return got;
    },
    { url, httpUrl, token },
  );

describe.each(transportsHere)('A4: a hub over %s', (transport) => {
  const refuses = async (hub: RunningHub, got: Record<string, string>) => {
    expect(Object.keys(got).length).toBeGreaterThanOrEqual(12);
    expect(Object.entries(got).filter(([, what]) => what !== 'refused')).toEqual([]);
    expect(hub.stats().connections).toBe(0);
    // Nothing was published either, not by requests whose answers the page may not see.
    const history = await fetch(`${hub.httpUrl}/v1/history`, {
      headers: { Authorization: `Bearer ${hub.token}` },
    });
    expect(await history.json()).toMatchObject({ items: [] });
  };

  it('refuses pages of another origin, with a stolen token and the cookie of its own page', async () => {
    const hub = await start({ transport });
    const context = await browser.newContext();
    const own = await context.newPage();
    await own.goto(hub.httpUrl);
    const status = await own.evaluate(
      async () => (await fetch('/v1/dev/events-cookie', { method: 'POST' })).status,
    );
    expect(status).toBe(204);
    const { port } = elsewhere.address() as AddressInfo;
    // Same site, so that even a SameSite cookie comes along; and another site.
    for (const host of ['127.0.0.1', 'localhost', FOREIGN_NAME]) {
      const page = await context.newPage();
      await page.goto(`http://${host}:${port}/`);
      await refuses(hub, await attack(page, hub));
    }
    // The same page at the right place gets in: what was refused was the origin, not a mistake of the test.
    expect(await attack(own, hub)).toMatchObject({
      'WebSocket, text': 'answered',
      'EventSource with cookies': 'open',
      'fetch with a token': 'answered 200',
    });
    await context.close();
  });

  it('refuses to be called by a foreign name that leads to it', async () => {
    const hub = await start({ transport });
    const context = await browser.newContext();
    const page = await context.newPage();
    const at = `http://${FOREIGN_NAME}:${hub.port}`;
    expect((await page.goto(at))?.status()).toBe(403);
    await refuses(hub, await attackBySelf(page, hub, at));
    await context.close();
  });

  it('refuses to be shown inside another page', async () => {
    const hub = await start({ transport });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
    const failed = page.waitForEvent('console', {
      predicate: (message) => /frame-ancestors|X-Frame-Options|ancestor/i.test(message.text()),
      timeout: WAIT_MS,
    });
    await page.evaluate((url) => {
      const frame = document.createElement('iframe');
      frame.src = url;
      document.body.append(frame);
    }, `${hub.httpUrl}/`);
    await failed;
    await context.close();
  });
});

/** As {@link attack}, by the foreign name: what answers there is an error page of the hub, which runs no script of its own. */
const attackBySelf = (page: Page, hub: RunningHub, at: string) =>
  attackFrom(page, { url: `${at.replace('http', 'ws')}/v1/ws`, httpUrl: at, token: hub.token });

async function attackFrom(page: Page, hub: { url: string; httpUrl: string; token: string }) {
  const got = await attack(page, hub);
  // Its own name makes it the same origin: answers can be read there, and they are refusals.
  return Object.fromEntries(
    Object.entries(got).map(([name, what]) => [name, what === 'answered 403' ? 'refused' : what]),
  );
}

const SCRIPT = `<img src=x onerror="window.pwned='img'"><script>window.pwned='script'</script><svg onload="window.pwned='svg'">`;
/** Short enough for a name. */
const SHORT = `<img src=x onerror=pwned=1>`;

it('X8: script in lines, keys and names never runs on the hub’s pages, and is shown as it was written', async () => {
  const hub = await start();
  const writer = await connect(hub.url, { token: hub.token, client: SHORT });
  await writer.declareExchange('chat', { type: 'topic' });
  await writer.declareExchange(SHORT, { type: 'topic' });
  await declareQueue(writer, SHORT, {});
  const mine = await writer.subscribe(SHORT, `${SHORT}.#`);
  await writer.publish('chat', `room.${SHORT}`, { from: SCRIPT, text: SCRIPT });
  await writer.publish('chat', 'room.lobby', { from: SHORT, text: SCRIPT });
  await writer.publish('amq.topic', `host.${SHORT}`, { [SHORT]: SCRIPT }, { headers: { [SHORT]: SCRIPT } });

  const context = await browser.newContext();
  const as = encodeURIComponent(SHORT);
  const faults: string[] = [];
  for (const path of [
    '/',
    `/demo/chat/?as=${as}`,
    `/demo/dashboard/?${as}=${as}#${as}`,
    `/demo/orders/?as=${as}`,
    `/${as}`,
    `/v1/queues/${as}`,
  ]) {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on('dialog', (dialog) => void faults.push(`dialog: ${dialog.message()}`));
    page.on('console', (message) => {
      // A script or handler that the policy stopped had already become markup.
      if (/Content Security Policy|TrustedHTML/i.test(message.text()))
        faults.push(`${path}: ${message.text()}`);
    });
    await page.goto(`${hub.httpUrl}${path}`);
    if (path.includes('chat')) {
      const text = page.locator('[data-kind=line] .text').filter({ hasText: 'window.pwned' }).first();
      await text.waitFor();
      expect(await text.textContent()).toBe(SCRIPT);
    } else if (path.includes('demo')) {
      await page.locator('main, #app, body > div').first().waitFor();
    }
    expect(await page.evaluate('typeof pwned')).toBe('undefined');
    expect(await page.evaluate(`document.querySelectorAll('img[src=x], svg[onload]').length`)).toBe(0);
  }
  expect(faults).toEqual([]);
  await mine.unsubscribe();
  await context.close();
  await writer.close();
});
