/** Named queues over HTTP, on a hub with a store: what is answered is on disk, and refusals have their status. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_LISTED_QUEUES } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunningHub, StartHubOptions } from '../../server/src/index.ts';
import { startHub } from './support/start-hub.ts';

const running: RunningHub[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((hub) => hub.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const TOKENS = [
  { token: 'server-token', subject: 'server', role: 'server' },
  { token: 'browser-token', subject: 'browser', role: 'browser' },
] as const;

async function start(options: StartHubOptions = {}): Promise<RunningHub> {
  const hub = await startHub({ tokens: TOKENS, ...options });
  running.push(hub);
  return hub;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringhub-http-queues-'));
  folders.push(folder);
  return join(folder, 'data');
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  readonly body: any;
}

const caller =
  (hub: RunningHub, token = 'server-token') =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`${hub.httpUrl}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  };

describe('a queue', () => {
  it('is made once, described, listed, emptied and taken away', async () => {
    const call = caller(await start());
    const made = await call('PUT', '/v1/queues/jobs', { maxMessages: 10 });
    expect(made).toMatchObject({
      status: 200,
      body: {
        name: 'jobs',
        options: { durable: false, maxMessages: 10, overflow: 'drop-head', deliveryLimit: 20 },
        messages: { ready: 0, inflight: 0, delayed: 0 },
        consumers: 0,
      },
    });
    expect(await call('PUT', '/v1/queues/jobs', { maxMessages: 10 })).toEqual(made);
    expect(await call('PUT', '/v1/queues/jobs')).toMatchObject({
      status: 409,
      body: { error: { name: 'queue-mismatch', detail: { queue: 'jobs', field: 'maxMessages' } } },
    });

    for (const text of ['one', 'two']) {
      expect(await call('POST', '/v1/publish', { exchange: '', key: 'jobs', text })).toMatchObject({
        status: 200,
        body: { queues: { took: ['jobs'], refused: [] }, sessions: 0 },
      });
    }
    const { body } = await call('GET', '/v1/queues/jobs');
    expect(body).toMatchObject({
      messages: { ready: 2, inflight: 0 },
      ledger: { routed: 2, ready: 2, residual: 0 },
      figures: { responseTimeMs: null, lossRate: 0 },
    });
    expect((await call('GET', '/v1/queues')).body).toMatchObject({
      queues: [{ name: 'jobs' }],
      complete: true,
    });

    expect(await call('DELETE', '/v1/queues/jobs?ifEmpty=true')).toMatchObject({
      status: 409,
      body: { error: { name: 'queue-not-empty' } },
    });
    expect(await call('DELETE', '/v1/queues/jobs/messages')).toEqual({ status: 200, body: { messages: 2 } });
    expect((await call('GET', '/v1/queues/jobs')).body.ledger).toMatchObject({
      routed: 2,
      ready: 0,
      dropped: { purged: 2 },
      residual: 0,
    });
    expect(await call('DELETE', '/v1/queues/jobs?ifEmpty')).toEqual({ status: 200, body: { messages: 0 } });
    expect(await call('GET', '/v1/queues/jobs')).toMatchObject({
      status: 404,
      body: { error: { name: 'queue-not-found' } },
    });
  });

  it.each(['a/b', 'a b', 'ü', '100%', '?x=1', '..'])('is found by its name as it is: %s', async (name) => {
    const call = caller(await start());
    // A path of dots only is resolved before it is sent, however it is written.
    const path = `/v1/queues/${encodeURIComponent(name)}`;
    const made = await call('PUT', path);
    if (name === '..') expect(made.status).toBe(404);
    else {
      expect(made).toMatchObject({ status: 200, body: { name } });
      expect((await call('GET', path)).status).toBe(200);
      expect((await call('DELETE', `${path}/messages`)).status).toBe(200);
    }
  });

  it('is refused where its name or options are wrong, with the field', async () => {
    const call = caller(await start());
    const refusals: [string, unknown, number, string, object][] = [
      ['amq.mine', {}, 403, 'reserved-name', { queue: 'amq.mine' }],
      ['x'.repeat(128), {}, 400, 'bad-name', { field: 'name' }],
      ['q', { maxMessages: 0 }, 400, 'bad-argument', { field: 'options.maxMessages' }],
      ['q', { retry: {} }, 400, 'bad-argument', { field: 'options.retry.delayMs' }],
      ['q', { durable: true }, 400, 'bad-argument', { field: 'options.durable' }],
      ['q', { exclusive: true }, 403, 'queue-exclusive', { queue: 'q' }],
      ['q', [], 400, 'bad-argument', { field: 'body' }],
    ];
    for (const [name, options, status, error, detail] of refusals) {
      const answer = await call('PUT', `/v1/queues/${name}`, options);
      expect([name, options, answer]).toMatchObject([
        name,
        options,
        { status, body: { error: { name: error, detail } } },
      ]);
    }
    expect((await call('GET', '/v1/queues')).body.queues).toEqual([]);
  });

  it('asks for the permissions of its frames', async () => {
    const hub = await start();
    await caller(hub)('PUT', '/v1/queues/jobs');
    const call = caller(hub, 'browser-token');
    const asked: [string, string, unknown?][] = [
      ['PUT', '/v1/queues/other'],
      ['PUT', '/v1/queues/jobs', { passive: true }],
      ['GET', '/v1/queues/jobs'],
      ['DELETE', '/v1/queues/jobs'],
      ['DELETE', '/v1/queues/jobs/messages'],
    ];
    for (const [method, path, body] of asked) {
      expect([method, path, await call(method, path, body)]).toMatchObject([
        method,
        path,
        { status: 403, body: { error: { name: 'forbidden' } } },
      ]);
    }
    expect((await call('GET', '/v1/queues')).body).toEqual({ queues: [], complete: true });
    expect((await caller(hub, 'nobody')('GET', '/v1/queues')).status).toBe(401);
  });
});

describe('a binding of a queue', () => {
  it('is made once, listed, used and taken back', async () => {
    const call = caller(await start());
    await call('PUT', '/v1/queues/jobs');
    const binding = { source: 'amq.headers', queue: 'jobs', args: { kind: 'mail' } };
    for (let i = 0; i < 2; i++) {
      expect(await call('POST', '/v1/bindings', binding)).toEqual({
        status: 200,
        body: { ...binding, key: '' },
      });
    }
    expect((await call('GET', '/v1/topology')).body.bindings).toEqual([
      {
        exchange: 'amq.headers',
        key: '',
        args: { 'x-match': 'all', kind: 'mail' },
        to: { namedQueue: 'jobs' },
      },
    ]);
    const message = { exchange: 'amq.headers', key: '', text: 'x', headers: { kind: 'mail' } };
    expect((await call('POST', '/v1/publish', message)).body.queues).toEqual({ took: ['jobs'], refused: [] });
    expect((await call('DELETE', '/v1/bindings', binding)).status).toBe(204);
    expect((await call('POST', '/v1/publish', message)).body.queues).toBeUndefined();
    expect(await call('DELETE', '/v1/bindings', binding)).toMatchObject({
      status: 404,
      body: { error: { name: 'unknown-binding' } },
    });
  });

  it('made twice, or by two keys that mean the same there, goes with its queue', async () => {
    const call = caller(await start());
    await call('PUT', '/v1/queues/jobs');
    for (const key of ['a', 'a', 'b']) {
      await call('POST', '/v1/bindings', { source: 'amq.fanout', queue: 'jobs', key });
    }
    const stats = async () => (await call('GET', '/v1/stats')).body.bindings;
    expect(await stats()).toBe(2);
    await call('DELETE', '/v1/queues/jobs');
    expect(await stats()).toBe(0);
    const message = { exchange: 'amq.fanout', key: 'a', text: 'x', mandatory: true };
    expect(await call('POST', '/v1/publish', message)).toMatchObject({
      body: { error: { name: 'unroutable' } },
    });
  });

  it.each([
    [{ source: 'amq.topic', queue: 7, key: 'k' }, 400, 'bad-argument'],
    [{ source: 'amq.topic', queue: 'nowhere', key: 'k' }, 404, 'queue-not-found'],
    [{ source: 'nowhere', queue: 'jobs', key: 'k' }, 404, 'unknown-exchange'],
    [{ source: '', queue: 'jobs', key: 'k' }, 403, 'default-exchange'],
    [{ source: 'amq.topic', queue: 'jobs', key: 'a..#.#.#' }, 400, 'too-many-hashes'],
    [{ source: 'amq.topic', destination: 'amq.fanout', queue: 'jobs', key: 'k' }, 400, 'bad-argument'],
  ])('is refused: %j', async (binding, status, name) => {
    const call = caller(await start());
    await call('PUT', '/v1/queues/jobs');
    expect(await call('POST', '/v1/bindings', binding)).toMatchObject({ status, body: { error: { name } } });
  });
});

describe('the receipt of a publish', () => {
  it('names the queues that took it and those that refused it; refused by all, it is not taken', async () => {
    const call = caller(await start());
    for (const name of ['full', 'roomy']) {
      const maxMessages = name === 'full' ? 1 : 3;
      await call('PUT', `/v1/queues/${name}`, { maxMessages, overflow: 'reject-publish' });
      await call('POST', '/v1/bindings', { source: 'amq.fanout', queue: name });
    }
    const publish = () => call('POST', '/v1/publish', { exchange: 'amq.fanout', key: '', data: 1 });
    expect((await publish()).body.queues).toEqual({ took: ['full', 'roomy'], refused: [] });
    for (let i = 0; i < 2; i++) {
      expect((await publish()).body.queues).toEqual({ took: ['roomy'], refused: [['full', 'queue-full']] });
    }
    expect(await publish()).toMatchObject({ status: 429, body: { error: { name: 'queue-full' } } });
    const { body } = await call('GET', '/v1/queues/full');
    expect(body.ledger).toMatchObject({ routed: body.ledger.ready + sum(body.ledger.dropped), residual: 0 });
  });
});

describe('what is durable', () => {
  it('is there again after a restart: exchange, queue, binding, messages, and what was purged is not', async () => {
    const data = newFolder();
    const before = await start({ data });
    const call = caller(before);
    const exchange = { name: 'orders', type: 'topic', durable: true };
    expect(await call('POST', '/v1/exchanges', exchange)).toEqual({ status: 200, body: exchange });
    for (const name of ['mail', 'audit']) {
      expect((await call('PUT', `/v1/queues/${name}`, { durable: true })).status).toBe(200);
      expect(
        (await call('POST', '/v1/bindings', { source: 'orders', queue: name, key: 'eu.#' })).status,
      ).toBe(200);
    }
    const receipt = await call('POST', '/v1/publish', { exchange: 'orders', key: 'eu.1', text: 'an order' });
    expect(receipt).toMatchObject({
      status: 200,
      body: { log: 'd', offset: 1, queues: { took: ['mail', 'audit'], refused: [] } },
    });
    expect(await call('DELETE', '/v1/queues/audit/messages')).toEqual({ status: 200, body: { messages: 1 } });
    await call('PUT', '/v1/queues/passing', {});
    await before.close();

    const again = caller(await start({ data }));
    const { queues } = (await again('GET', '/v1/queues')).body;
    expect(queues).toMatchObject([
      { name: 'audit', messages: { ready: 0 }, ledger: { routed: 1, dropped: { purged: 1 }, residual: 0 } },
      { name: 'mail', messages: { ready: 1 }, ledger: { routed: 1, ready: 1, residual: 0 } },
    ]);
    const next = await again('POST', '/v1/publish', { exchange: 'orders', key: 'eu.2', text: 'another' });
    expect(next.body).toMatchObject({ log: 'd', epoch: receipt.body.epoch, offset: 2 });
    expect(next.body.queues.took.toSorted()).toEqual(['audit', 'mail']);
    const page = await again('GET', '/v1/history?exchange=orders&key=%23');
    expect(page.body.items.map(({ text }: { text: string }) => text)).toEqual(['an order', 'another']);
  });

  it('does not mix with what is not', async () => {
    const call = caller(await start({ data: newFolder() }));
    await call('POST', '/v1/exchanges', { name: 'kept', type: 'fanout', durable: true });
    expect(
      await call('POST', '/v1/bindings', { source: 'amq.topic', destination: 'kept', key: '#' }),
    ).toMatchObject({
      status: 409,
      body: { error: { name: 'durability-mismatch' } },
    });
  });
});

describe('metrics', () => {
  it('name a bounded set of queues, each with its numbers, and count the others in the totals', async () => {
    const hub = await start();
    const call = caller(hub);
    const names = Array.from({ length: MAX_LISTED_QUEUES + 5 }, (_, i) => `q${1000 + i}`);
    for (const key of names) {
      await call('PUT', `/v1/queues/${key}`);
      await call('POST', '/v1/publish', { exchange: '', key, text: 'x' });
    }
    const answer = await fetch(`${hub.httpUrl}/metrics`, {
      headers: { Authorization: 'Bearer server-token' },
    });
    const text = await answer.text();
    const named = new Set([...text.matchAll(/queue="([^"]*)"/g)].map(([, name]) => name));
    expect([...named].sort()).toEqual(names.slice(0, MAX_LISTED_QUEUES));
    expect(text).toContain(`ringhub_named_queues ${names.length}\n`);
    expect(text).toContain(`ringhub_named_queues_messages{state="ready"} ${names.length}\n`);
    expect((await call('GET', '/v1/queues')).body).toMatchObject({ complete: false });
    expect((await call('GET', '/v1/stats')).body).toMatchObject({
      namedQueues: { count: names.length, messages: { ready: names.length } },
      measures: { lost: {}, responseTime: { count: 0, sumMs: 0 } },
      ledger: { residual: 0 },
    });
  });

  it('tell of the store where there is one', async () => {
    const hub = await start({ data: newFolder() });
    const { store } = (await caller(hub)('GET', '/v1/stats')).body;
    expect(store).toEqual({
      bytes: expect.any(Number),
      entries: expect.any(Number),
      corrupt: 0,
      failed: false,
    });
    expect(store.bytes).toBeGreaterThan(0);
    await caller(hub)('PUT', '/v1/queues/kept', { durable: true });
    expect((await caller(hub)('GET', '/v1/stats')).body.store.entries).toBeGreaterThan(store.entries);
  });
});

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0);
