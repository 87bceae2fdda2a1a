/** Event streams over real HTTP: resume by Last-Event-ID, who may open one, and what becomes of a reader that is slow or gone. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunningHub, StartHubOptions } from '../../server/src/index.ts';
import { goodToken, HS, issuerOf } from './support/made-tokens.ts';
import { startHub } from './support/start-hub.ts';

const running: RunningHub[] = [];
const aborts: AbortController[] = [];

async function start(options: StartHubOptions = {}): Promise<RunningHub> {
  const hub = await startHub(options);
  running.push(hub);
  return hub;
}

afterEach(async () => {
  for (const abort of aborts.splice(0)) abort.abort();
  await Promise.all(running.splice(0).map((hub) => hub.close()));
});

interface Event {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
}

class EventReader {
  readonly events: Event[] = [];
  comments = 0;
  lastId = '';
  retryMs = 0;
  /** The first one, before anything has come. */
  firstId: string | undefined;
  private text = '';
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly decoder = new TextDecoder();

  constructor(
    readonly response: Response,
    readonly abort: AbortController,
  ) {
    this.reader = response.body!.getReader();
  }

  /** Reads until a condition holds, or the stream ends. */
  async until(isMet: (reader: this) => boolean): Promise<this> {
    while (!isMet(this)) {
      const { done, value } = await this.reader.read();
      if (done) return this;
      this.text += this.decoder.decode(value, { stream: true });
      const blocks = this.text.split('\n\n');
      this.text = blocks.pop()!;
      for (const block of blocks) this.take(block);
    }
    return this;
  }

  count(n: number): Promise<this> {
    return this.until(() => this.events.length >= n);
  }

  get shown() {
    return this.events.map(({ event, data }) => (event === 'message' ? data!.key : event));
  }

  private take(block: string): void {
    const fields: Record<string, string> = {};
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments++;
      const [, name, value] = /^(\w+): (.*)$/.exec(line) ?? [];
      if (name) fields[name] = value!;
    }
    this.lastId = fields.id ?? this.lastId;
    this.retryMs = Number(fields.retry ?? this.retryMs);
    this.firstId ??= fields.id;
    const { id, event, data } = fields;
    if (data !== undefined) {
      this.events.push({ ...(id && { id }), ...(event && { event }), data: JSON.parse(data) });
    }
  }
}

async function open(
  hub: RunningHub,
  query: string,
  headers: Record<string, string> = {},
): Promise<EventReader> {
  const abort = new AbortController();
  aborts.push(abort);
  const response = await fetch(`${hub.httpUrl}/v1/events?${query}`, {
    headers: { Authorization: `Bearer ${hub.token}`, ...headers },
    signal: abort.signal,
  });
  return new EventReader(response, abort);
}

async function publish(hub: RunningHub, key: string, body = 'x'): Promise<void> {
  const answer = await fetch(`${hub.httpUrl}/v1/publish?key=${key}`, {
    method: 'POST',
    body,
    headers: { Authorization: `Bearer ${hub.token}`, 'Content-Type': 'text/plain' },
  });
  expect(answer.status).toBe(200);
}

async function until(isMet: () => boolean): Promise<void> {
  while (!isMet()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('an event stream', () => {
  it('brings messages as they come, with a cursor each', async () => {
    const hub = await start();
    const reader = await open(hub, 'key=a.%23');
    expect(reader.response.status).toBe(200);
    expect(reader.response.headers.get('Content-Type')).toMatch(/^text\/event-stream/);
    await publish(hub, 'a.1', 'two\nlines');
    await publish(hub, 'b.1');
    await publish(hub, 'a.2');
    await reader.count(2);
    expect(reader.shown).toEqual(['a.1', 'a.2']);
    expect(reader.events[0]!.data).toMatchObject({
      exchange: 'amq.topic',
      text: 'two\nlines',
      contentType: 'text/plain',
      log: 'v',
      offset: 1,
    });
    expect(reader.events.map(({ id }) => id)).toEqual([
      expect.stringMatching(/^v:.+:1$/),
      expect.stringMatching(/^v:.+:3$/),
    ]);
  });

  it('of a durable exchange goes on behind Last-Event-ID after a restart of the hub', async () => {
    const data = mkdtempSync(join(tmpdir(), 'ringhub-events-'));
    try {
      const before = await start({ data, token: 'a-token' });
      const post = (hub: RunningHub, path: string, body: object) =>
        fetch(`${hub.httpUrl}${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { Authorization: `Bearer ${hub.token}`, 'Content-Type': 'application/json' },
        });
      await post(before, '/v1/exchanges', { name: 'kept', type: 'topic', durable: true });
      const first = await open(before, 'exchange=kept&since=earliest');
      for (const key of ['k.1', 'k.2'])
        await post(before, '/v1/publish', { exchange: 'kept', key, text: key });
      await first.count(2);
      const { id } = first.events[0]!;
      expect(id).toMatch(/^d:.+:1$/);
      await before.close();
      const after = await start({ data, token: 'a-token' });
      const second = await open(after, 'exchange=kept', { 'Last-Event-ID': id! });
      await post(after, '/v1/publish', { exchange: 'kept', key: 'k.3', text: 'k.3' });
      await second.count(2);
      expect(second.shown).toEqual(['k.2', 'k.3']);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  it('goes on behind Last-Event-ID, which counts more than since', async () => {
    const hub = await start();
    const first = await open(hub, 'since=earliest');
    await publish(hub, 'k.1');
    await first.count(1);
    first.abort.abort();
    await publish(hub, 'k.2');
    await publish(hub, 'k.3');
    const second = await open(hub, 'since=earliest', { 'Last-Event-ID': first.lastId });
    await second.count(2);
    expect(second.shown).toEqual(['k.2', 'k.3']);
    const third = await open(hub, `since=${first.lastId}`);
    await third.count(2);
    expect(third.shown).toEqual(['k.2', 'k.3']);
  });

  it('says where it stands before anything has come', async () => {
    const hub = await start();
    const first = await open(hub, 'key=k');
    await first.until(({ lastId }) => lastId !== '');
    first.abort.abort();
    await publish(hub, 'k');
    const second = await open(hub, 'key=k', { 'Last-Event-ID': first.lastId });
    await second.count(1);
    expect(second.shown).toEqual(['k']);
  });

  it('tells what is lost as a gap', async () => {
    const hub = await start({ volatileLog: { maxMessages: 2, maxBytes: 1e6, maxAgeMs: 1e6 } });
    for (let i = 1; i <= 4; i++) await publish(hub, `k.${i}`);
    const reader = await open(hub, 'since=earliest');
    await reader.until(({ lastId }) => lastId !== '');
    const epoch = reader.lastId.split(':')[1];
    const behind = await open(hub, '', { 'Last-Event-ID': `v:${epoch}:0` });
    await behind.count(3);
    expect(behind.shown).toEqual(['gap', 'k.3', 'k.4']);
    expect(behind.events[0]).toMatchObject({ id: `v:${epoch}:2`, data: { reason: 'trimmed', count: null } });
    const other = await open(hub, '', { 'Last-Event-ID': 'v:another:7' });
    await other.count(3);
    // Cut off before it has got the gap, it has to be told it the next time.
    expect(other.firstId).toBe('v:another:7');
    expect(other.shown[0]).toBe('gap');
    expect(other.events[0]!.data).toMatchObject({ reason: 'several' });
    expect(other.events[0]!.id).toBe(`v:${epoch}:2`);
  });

  it('gives the latest of each key, then says that the snapshot has ended', async () => {
    const hub = await start();
    for (const key of ['a', 'b', 'a']) await publish(hub, key);
    const reader = await open(hub, 'since=last-per-key');
    await reader.count(3);
    expect(reader.shown).toEqual(['b', 'a', 'snapshot-end']);
    expect(reader.events.map(({ id }) => id !== undefined)).toEqual([false, false, true]);
  });

  it('beats: comments, and a cursor that moves with what is not for it', async () => {
    const hub = await start({ limits: { heartbeatMs: 20 } });
    const reader = await open(hub, 'key=mine');
    await publish(hub, 'other');
    await reader.until(({ lastId, comments }) => lastId.endsWith(':1') && comments > 0);
    expect(reader.events).toEqual([]);
  });

  it('frees its session when its reader goes', async () => {
    const hub = await start();
    const reader = await open(hub, '');
    await until(() => hub.stats().sessions.attached === 1);
    expect(hub.stats()).toMatchObject({ queues: 1, bindings: 1 });
    reader.abort.abort();
    await until(() => hub.stats().sessions.attached === 0);
    expect(hub.stats()).toMatchObject({ queues: 0, bindings: 0, sessions: { parked: 0 } });
  });

  it('gives a reader that is too slow a gap, and keeps what waits bounded', async () => {
    const hub = await start();
    const port = Number(new URL(hub.httpUrl).port);
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.pause();
    socket.write(
      `GET /v1/events?capacity=10 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${hub.token}\r\n\r\n`,
    );
    await until(() => hub.stats().queues === 1);
    let published = 0;
    while ((hub.stats().ledger.dropped.overflow ?? 0) === 0 && published < 2_000) {
      await publish(hub, 'k', 'x'.repeat(100_000));
      published++;
    }
    const { ledger } = hub.stats();
    expect(ledger.dropped.overflow).toBeGreaterThan(0);
    expect(ledger.ready).toBeLessThanOrEqual(10);
    let [text, seen] = ['', 0];
    socket.setEncoding('utf8');
    await new Promise<void>((resolve) => {
      socket.on('data', (piece: string) => {
        text = text.slice(-100) + piece;
        if (text.includes('event: gap')) seen++;
        if (seen > 0) resolve();
      });
      socket.resume();
    });
    socket.destroy();
    await until(() => hub.stats().queues === 0);
    expect(hub.stats().ledger.residual).toBe(0);
  }, 30_000);

  it('has no id where the order of the log is not kept', async () => {
    const hub = await start();
    const reader = await open(hub, 'overflow=conflate');
    await publish(hub, 'k');
    await reader.count(1);
    expect(reader.events[0]).not.toHaveProperty('id');
  });

  it('ends when the hub does, and says why, and that nobody is to hammer it', async () => {
    const hub = await start({ drainWindowMs: 0 });
    const reader = await open(hub, '');
    await reader.until(({ lastId }) => lastId !== '');
    expect(reader.retryMs).toBe(2_000);
    const closed = hub.close();
    await reader.until(() => false);
    await closed;
    expect(reader.events.at(-1)).toMatchObject({ event: 'closed', data: { name: 'draining' } });
    expect(reader.retryMs).toBe(500);
  });

  it('is refused without a token, and for what is wrong', async () => {
    const hub = await start();
    const statusOf = async (query: string, headers: Record<string, string> = {}) => {
      const { response } = await open(hub, query, headers);
      return response.status;
    };
    expect(await statusOf('', { Authorization: '' })).toBe(401);
    expect(await statusOf('', { Authorization: 'Bearer wrong' })).toBe(401);
    expect(await statusOf('since=nonsense')).toBe(400);
    expect(await statusOf('', { 'Last-Event-ID': 'nonsense' })).toBe(400);
    expect(await statusOf('exchange=nowhere')).toBe(404);
    expect(await statusOf('key=%23.%23.%23')).toBe(400);
    expect(await statusOf('overflow=explode')).toBe(400);
    expect(hub.stats()).toMatchObject({ queues: 0, sessions: { attached: 0, parked: 0 } });
    const head = await fetch(`${hub.httpUrl}/v1/events`, {
      method: 'HEAD',
      headers: { Authorization: `Bearer ${hub.token}` },
    });
    expect(head.status).toBe(200);
    expect(hub.stats().queues).toBe(0);
  });
});

describe('the cookie of a page', () => {
  const cookieOf = async (hub: RunningHub, headers: Record<string, string> = {}) =>
    fetch(`${hub.httpUrl}/v1/dev/events-cookie`, { method: 'POST', headers });

  it('opens streams, and nothing else', async () => {
    const hub = await start();
    const given = await cookieOf(hub, { 'Sec-Fetch-Site': 'same-origin', Origin: hub.httpUrl });
    expect(given.status).toBe(204);
    const set = given.headers.get('Set-Cookie')!;
    expect(set).toMatch(/; Path=\/v1\/events; HttpOnly; SameSite=Strict$/);
    const headers = { Authorization: '', Cookie: set.split(';')[0]! };
    const bare = { Cookie: headers.Cookie };
    const abort = new AbortController();
    aborts.push(abort);
    const answer = await fetch(`${hub.httpUrl}/v1/events`, { headers: bare, signal: abort.signal });
    expect(answer.status).toBe(200);
    expect((await fetch(`${hub.httpUrl}/v1/history`, { headers: bare })).status).toBe(401);
    const foreign = await fetch(`${hub.httpUrl}/v1/events`, {
      headers: { ...bare, 'Sec-Fetch-Site': 'cross-site' },
    });
    expect(foreign.status).toBe(401);
    const broken = await fetch(`${hub.httpUrl}/v1/events`, { headers: { Cookie: 'ringhub_events=%' } });
    expect(broken.status).toBe(401);
  });

  it('is set by any hub for whoever shows a token from its own pages, and lives as long as that', async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const hub = await start({
      tokens: [{ token: 'a-secret-token-1', subject: 's', role: 'server' }],
      issuers: [issuerOf(HS)],
    });
    const ask = (headers: Record<string, string>, method = 'POST') =>
      fetch(`${hub.httpUrl}/v1/events-cookie`, { method, headers });
    const bearing = (token: string) => ({ Authorization: `Bearer ${token}` });
    const own = { 'Sec-Fetch-Site': 'same-origin', Origin: hub.httpUrl };
    const token = goodToken(HS, nowS);
    const given = await ask({ ...bearing(token), ...own });
    expect(given.status).toBe(204);
    expect(given.headers.get('Cache-Control')).toBe('no-store');
    const set = given.headers.get('Set-Cookie')!;
    const [, value, maxAge] =
      /^(ringhub_events=[^;]+); Path=\/v1\/events; Max-Age=(\d+); HttpOnly; SameSite=Strict$/.exec(set)!;
    expect(Number(maxAge)).toBeGreaterThan(500);
    expect(Number(maxAge)).toBeLessThanOrEqual(600);
    const abort = new AbortController();
    aborts.push(abort);
    const statusOf = async (headers: Record<string, string>) =>
      (await fetch(`${hub.httpUrl}/v1/events`, { headers, signal: abort.signal })).status;
    expect(await statusOf({ Cookie: value! })).toBe(200);
    expect(await statusOf({ Cookie: value!, 'Sec-Fetch-Site': 'cross-site' })).toBe(401);
    expect(await statusOf({ Cookie: value!, 'Sec-Fetch-Site': 'same-site' })).toBe(401);
    expect(await statusOf({ Cookie: value!, Authorization: 'Basic x' })).toBe(401);
    // An API key never expires: the cookie goes with the browser.
    const forever = await ask(bearing('a-secret-token-1'));
    expect(forever.headers.get('Set-Cookie')).not.toContain('Max-Age');
    expect((await ask({})).status).toBe(401);
    expect((await ask(bearing('wrong'))).status).toBe(401);
    expect((await ask({ ...bearing(token), 'Sec-Fetch-Site': 'same-site' })).status).toBe(403);
    expect((await ask({ ...bearing(token), Origin: 'https://evil.example' })).status).toBe(403);
    const gone = await ask(own, 'DELETE');
    expect(gone.headers.get('Set-Cookie')).toMatch(/^ringhub_events=; Path=\/v1\/events; Max-Age=0;/);
  });

  it('A3: opens streams that end with its token, and are not opened again by it', async () => {
    const hub = await start({ issuers: [issuerOf(HS)] });
    const nowS = Math.floor(Date.now() / 1000);
    const headers = { Cookie: `ringhub_events=${goodToken(HS, nowS, { exp: nowS + 2 })}` };
    const ask = () => fetch(`${hub.httpUrl}/v1/events?key=%23`, { headers });
    const reader = new EventReader(await ask(), new AbortController());
    await reader.until(() => false);
    expect(reader.shown).toEqual(['closed']);
    expect(reader.events[0]?.data).toMatchObject({ name: 'token-expired' });
    expect(Date.now()).toBeGreaterThanOrEqual((nowS + 2) * 1000);
    expect((await ask()).status).toBe(401);
    expect(hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });

  it('is set by a dev hub only, for its own pages only', async () => {
    const hub = await start();
    expect((await cookieOf(hub, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(404);
    const other = await start({
      tokens: [{ token: 'a-secret-token-1', subject: 's', role: 'server' }],
    });
    expect((await cookieOf(other)).status).toBe(404);
  });
});
