/** HTTP and WebSocket on one real port: what a started hub answers, and how it ends. */
import { connect as connectTcp } from 'node:net';
import { ERRORS, encodeClientFrame, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ListenError, type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { Client } from '../contract/transport-suite.ts';
import { transportsHere } from '../contract/uws-here.ts';

const running: RunningHub[] = [];

let transport: 'ws' | 'uws' = 'ws';

async function start(options: StartHubOptions = {}): Promise<RunningHub> {
  const hub = await startHub({ transport, ...options });
  running.push(hub);
  return hub;
}

afterEach(() => Promise.all(running.splice(0).map((hub) => hub.close())));

const publish = (hub: RunningHub, path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${hub.httpUrl}${path}`, {
    method: 'POST',
    body,
    headers: { Authorization: `Bearer ${hub.token}`, ...headers },
  });

async function subscribe(hub: RunningHub, pattern: string) {
  const client = new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON));
  await client.opened;
  const say = (...frames: Parameters<typeof encodeClientFrame>[0][]) =>
    client.peer.send(frames.map(encodeClientFrame).join('\n'));
  say(
    { type: 'hello', version: 1, token: hub.token },
    { type: 'subscribe', ref: 1, options: { bindings: [['amq.topic', pattern]] } },
  );
  const until = async (type: string): Promise<unknown[]> => {
    for (let seen = 0; ; seen++) {
      const frames = ((await client.received(seen + 1))[seen] as string)
        .split('\n')
        .map((f) => JSON.parse(f));
      const found = frames.find((frame) => frame[0] === type);
      if (found) return found;
    }
  };
  await until('ok');
  return { client, say, until };
}

describe.each(transportsHere)('a started hub over %s', (chosen) => {
  beforeAll(() => {
    transport = chosen;
  });

  it('hands a message of curl to a subscriber and counts it', async () => {
    const hub = await start();
    const { until } = await subscribe(hub, 'greeting.#');
    const answer = await publish(hub, '/v1/publish?key=greeting.world', 'hello', {
      'Content-Type': 'application/x-www-form-urlencoded',
    });
    expect(await answer.json()).toMatchObject({ log: 'v', offset: 1, sessions: 1, duplicate: false });
    expect(await until('deliver')).toMatchObject([
      'deliver',
      expect.any(Number),
      1,
      [['amq.topic', 'greeting.world', 'hello', 'text/plain', 'v', 1, expect.any(Number)]],
    ]);
    const stats = await fetch(`${hub.httpUrl}/v1/stats`, {
      headers: { Authorization: `Bearer ${hub.token}` },
    });
    expect(await stats.json()).toEqual(hub.stats());
    const metrics = await (await fetch(`${hub.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/^ringhub_publishes_total\{result="taken"\} 1$/m);
    expect(metrics).toMatch(/^ringhub_connections 1$/m);
    expect(metrics).toMatch(/^ringhub_ledger_residual 0$/m);
  });

  it('publishes once what is sent twice under one Idempotency-Key', async () => {
    const hub = await start();
    const send = async () =>
      (await publish(hub, '/v1/publish?key=a', 'x', { 'Idempotency-Key': 'one' })).json();
    expect(await send()).toMatchObject({ offset: 1, duplicate: false });
    expect(await send()).toMatchObject({ offset: 1, duplicate: true });
  });

  it('refuses what the hub does not know or nobody wants', async () => {
    const hub = await start();
    const unknown = await publish(hub, '/v1/publish?exchange=nowhere&key=a', 'x');
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { error: { name: 'unknown-exchange' } },
    ]);
    const unwanted = await publish(hub, '/v1/publish?key=a&mandatory', 'x');
    expect([unwanted.status, await unwanted.json()]).toMatchObject([404, { error: { name: 'unroutable' } }]);
  });

  it('refuses a body over its limit, and goes on', async () => {
    const hub = await start({ maxBodyBytes: 1_000 });
    const answer = await publish(hub, '/v1/publish?key=a', 'x'.repeat(100_000));
    expect([answer.status, await answer.json()]).toMatchObject([
      413,
      { error: { name: 'payload-too-large' } },
    ]);
    expect((await publish(hub, '/v1/publish?key=a', 'x')).status).toBe(200);
  });

  it('refuses WebSockets of foreign pages and foreign names, with 403', async () => {
    const hub = await start();
    for (const headers of [{ origin: 'https://evil.example' }, { headers: { Host: 'evil.example' } }]) {
      const socket = new WebSocket(hub.url, SUBPROTOCOL_JSON, headers);
      const status = await new Promise((resolve) => {
        socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
        socket.on('error', () => {});
      });
      expect(status).toBe(403);
    }
    const own = new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON, { origin: hub.httpUrl }));
    expect(await own.opened).toBe(true);
  });

  it('closes with unauthorized where the token is not its own', async () => {
    const hub = await start();
    const client = new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON));
    await client.opened;
    client.peer.send(encodeClientFrame({ type: 'hello', version: 1, token: 'wrong' }));
    expect((await client.closed).code).toBe(ERRORS.unauthorized.code);
  });

  // uWebSockets.js ends such a connection after a while, without a word.
  if (chosen === 'ws')
    it('answers a broken request head itself', async () => {
      const hub = await start();
      const answer = await new Promise<string>((resolve) => {
        const socket = connectTcp(hub.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk;
        });
        socket.on('close', () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    });

  it('has a token of its own each time, or the one it is given', async () => {
    const [one, two, three] = [await start(), await start(), await start({ token: 'chosen' })];
    expect(one.token).not.toBe(two.token);
    expect(one.token.length).toBeGreaterThanOrEqual(22);
    expect(three.token).toBe('chosen');
  });

  it('with tokens is no dev hub', async () => {
    const token = 'a-token-of-the-application-server';
    const hub = await start({ tokens: [{ token, subject: 'app', role: 'server' }] });
    expect(hub.token).toBe('');
    expect((await fetch(`${hub.httpUrl}/v1/dev/token`)).status).toBe(404);
    expect((await fetch(`${hub.httpUrl}/metrics`)).status).toBe(401);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${hub.httpUrl}/metrics`, { headers })).status).toBe(200);
  });

  it('without tokens does not start where others could reach it', async () => {
    await expect(startHub({ transport, host: '0.0.0.0' })).rejects.toThrow('loopback');
  });

  it('says what to do about a port in use', async () => {
    const { port } = await start();
    const error = await startHub({ transport, port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ListenError);
    expect((error as Error).message).toMatch(/^port \d+ on 127\.0\.0\.1 is in use: .*--port/);
  });

  it('answers on IPv6, too', async () => {
    const hub = await start({ host: '::1' }).catch((error: unknown) => error as Error);
    // A machine without IPv6 has no such address.
    if (hub instanceof Error) expect(hub.message).toContain('not an address of this machine');
    else expect((await fetch(`${hub.httpUrl}/livez`)).status).toBe(200);
  });
});

describe.each(transportsHere)('a hub over %s that ends', (chosen) => {
  beforeAll(() => {
    transport = chosen;
  });

  it('says goodbye: drain, then a close that asks to resume', async () => {
    const hub = await start({ drainWindowMs: 1_000 });
    const { client, until } = await subscribe(hub, '#');
    const closing = hub.close();
    expect(hub.close()).toBe(closing);
    const [, reconnectInMs] = await until('drain');
    expect(reconnectInMs).toBeGreaterThanOrEqual(0);
    expect(reconnectInMs).toBeLessThan(1_000);
    expect((await client.closed).code).toBe(ERRORS.draining.code);
    await closing;
    await expect(fetch(`${hub.httpUrl}/livez`)).rejects.toThrow();
  });

  it('is alive but not ready, and lets nobody in, while it waits for acks', async () => {
    const hub = await start({ drainGraceMs: 20_000 });
    const { client, say, until } = await subscribe(hub, '#');
    await publish(hub, '/v1/publish?key=a', 'x');
    const [, queue] = await until('deliver');
    const closing = hub.close();
    await until('drain');
    const ready = await fetch(`${hub.httpUrl}/readyz?verbose`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not ready', reasons: ['the hub is shutting down'], warnings: [] },
    ]);
    expect((await fetch(`${hub.httpUrl}/livez`)).status).toBe(200);
    expect(await new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON)).opened).toBe(false);
    say({ type: 'ack', queue: queue as number, upTo: 1, ranges: [] });
    expect((await client.closed).code).toBe(ERRORS.draining.code);
    await closing;
    expect(hub.stats().ledger).toMatchObject({ acked: 1, residual: 0 });
  });
});
