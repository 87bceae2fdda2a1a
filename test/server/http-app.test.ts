import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { TokenAuth } from '../../server/src/auth/token-auth.ts';
import { HOST, setup, TOKEN } from './support/http-app-scene.ts';

const json = (value: unknown) => JSON.stringify(value);

describe('publishing one message', () => {
  it('answers with the receipt', async () => {
    const { hub, post } = setup();
    const answer = await post('/v1/publish', json({ exchange: 'orders', key: 'a.b', data: { n: 1 } }));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      log: 'v',
      epoch: 'e1',
      offset: 1,
      sessions: 2,
      duplicate: false,
    });
    expect(hub.published).toEqual([
      {
        exchange: 'orders',
        key: 'a.b',
        payload: '{"n":1}',
        properties: { contentType: 'application/json' },
      },
    ]);
  });

  it.each([
    ['data that is null', { data: null }, 'null', 'application/json'],
    ['data that is text', { data: 'é' }, '"é"', 'application/json'],
    ['text', { text: 'é' }, 'é', 'text/plain'],
    ['empty text', { text: '' }, '', 'text/plain'],
    ['bytes', { b64: 'AAH/' }, new Uint8Array([0, 1, 255]), 'application/octet-stream'],
    [
      'a type of its own',
      { b64: 'AAH/', contentType: 'image/png' },
      new Uint8Array([0, 1, 255]),
      'image/png',
    ],
  ])('takes %s', async (_, fields, payload, contentType) => {
    const { hub, post } = setup();
    await post('/v1/publish', json({ key: 'k', ...fields }));
    expect(hub.published).toEqual([
      { exchange: 'amq.topic', key: 'k', payload, properties: { contentType } },
    ]);
  });

  it('hands on headers, id, ttlMs and mandatory', async () => {
    const { hub, post } = setup();
    const properties = { headers: { a: 1, b: null }, id: 'x', ttlMs: 5, mandatory: true };
    await post('/v1/publish', json({ key: 'k', text: '', ...properties }));
    expect(hub.published[0]?.properties).toEqual({ contentType: 'text/plain', ...properties });
  });

  it('takes the id from Idempotency-Key, unless the message has one', async () => {
    const { hub, post } = setup();
    await post('/v1/publish', json({ key: 'k', text: '' }), { 'Idempotency-Key': 'from-header' });
    await post('/v1/publish', json({ key: 'k', text: '', id: 'own' }), { 'Idempotency-Key': 'from-header' });
    expect(hub.published.map(({ properties }) => properties.id)).toEqual(['from-header', 'own']);
  });

  it.each([
    ['no key', { text: '' }, 'bad-argument', 'key'],
    ['a bad key', { key: 'a\nb', text: '' }, 'bad-key', 'key'],
    ['an exchange that is no text', { exchange: 1, key: 'k', text: '' }, 'bad-argument', 'exchange'],
    ['no payload', { key: 'k' }, 'bad-payload', 'data, text or b64'],
    ['two payloads', { key: 'k', text: '', data: 1 }, 'bad-payload', 'data, text or b64'],
    ['text that is no text', { key: 'k', text: { b64: '' } }, 'bad-payload', 'data, text or b64'],
    ['broken base64', { key: 'k', b64: '*' }, 'bad-payload', 'payload'],
    ['headers that nest', { key: 'k', text: '', headers: { a: {} } }, 'bad-headers', 'headers'],
    ['an id that is too long', { key: 'k', text: '', id: 'x'.repeat(129) }, 'bad-argument', 'id'],
    ['a negative ttlMs', { key: 'k', text: '', ttlMs: -1 }, 'bad-argument', 'ttlMs'],
    ['a list', [1], 'bad-argument', 'body'],
    ['null', null, 'bad-argument', 'body'],
  ] as const)('with %s is refused as %s', async (_, body, error, field) => {
    const { hub, post } = setup();
    const answer = await post('/v1/publish', json(body));
    const { code, http, text } = ERRORS[error];
    expect(answer.status).toBe(http);
    expect(await answer.json()).toEqual({ error: { code, name: error, text, detail: { field } } });
    expect(hub.published).toEqual([]);
  });

  const deep = (depth: number) => `{"key":"a","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;

  it('takes a body that nests 64 deep', async () => {
    expect((await setup().post('/v1/publish', deep(63))).status).toBe(200);
  });

  it.each(['', '{', 'hello', deep(64)])(
    'refuses a body that is no JSON, or nests deeper: %j',
    async (body) => {
      const answer = await setup().post('/v1/publish', body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        error: { name: 'bad-argument', detail: { field: 'body' } },
      });
    },
  );

  it.each([
    ['unroutable', 404, null],
    ['forbidden', 403, null],
    ['payload-too-large', 413, null],
    ['publish-window', 429, '1'],
    ['unavailable', 503, '1'],
  ] as const)('answers the hub’s refusal %s with %d', async (error, status, retryAfter) => {
    const { hub, post } = setup();
    hub.outcome = () => ({ kind: 'refused', error });
    const answer = await post('/v1/publish', json({ key: 'k', text: '' }));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('Retry-After')).toBe(retryAfter);
    expect(await answer.json()).toMatchObject({ error: { name: error, code: ERRORS[error].code } });
  });

  it('refuses a body over the limit, declared or not', async () => {
    const { hub, post, request } = setup();
    const large = json({ key: 'k', text: 'x'.repeat(1_000) });
    const declared = await post('/v1/publish', large, { 'Content-Length': String(large.length) });
    const streamed = await request('/v1/publish', {
      method: 'POST',
      body: new Blob([large]).stream(),
      headers: { Authorization: `Bearer ${TOKEN}` },
      duplex: 'half',
    } as RequestInit & { headers: Record<string, string> });
    for (const answer of [declared, streamed]) {
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ error: { name: 'payload-too-large' } });
    }
    expect(hub.published).toEqual([]);
  });

  it('tells nothing of a fault of ours but that there was one', async () => {
    const { hub, faults, post } = setup();
    hub.outcome = () => {
      throw new Error('inner workings');
    };
    const answer = await post('/v1/publish', json({ key: 'k', text: '' }));
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('inner workings');
    expect(faults).toHaveLength(1);
  });
});

describe('publishing a raw body', () => {
  const FORM = 'application/x-www-form-urlencoded';

  it.each([
    ['what curl -d sends', FORM, 'hello=1&x', 'hello=1&x', 'text/plain'],
    ['JSON', 'application/json', '{"a":1}', '{"a":1}', 'application/json'],
    ['text of a kind', 'text/csv; charset=utf-8', 'a;b', 'a;b', 'text/csv; charset=utf-8'],
    ['bytes', 'image/png', new Uint8Array([1, 2]), new Uint8Array([1, 2]), 'image/png'],
    ['text that is not UTF-8', 'text/csv', new Uint8Array([0xff]), new Uint8Array([0xff]), 'text/csv'],
    ['bytes without a type', '', new Uint8Array([0xff]), new Uint8Array([0xff]), 'application/octet-stream'],
    ['text without a type', '', new TextEncoder().encode('é'), 'é', 'text/plain'],
    ['nothing', FORM, '', '', 'text/plain'],
  ])('takes %s', async (_, type, body, payload, contentType) => {
    const { hub, post } = setup();
    const headers: Record<string, string> = type === '' ? {} : { 'Content-Type': type };
    const answer = await post('/v1/publish?exchange=orders&key=a.b', body, headers);
    expect(answer.status).toBe(200);
    expect(hub.published).toEqual([{ exchange: 'orders', key: 'a.b', payload, properties: { contentType } }]);
  });

  it('reads the other properties from the query', async () => {
    const { hub, post } = setup();
    await post('/v1/publish?key=&id=x&ttlMs=5&mandatory', 'hello', { 'Content-Type': FORM });
    expect(hub.published).toEqual([
      {
        exchange: 'amq.topic',
        key: '',
        payload: 'hello',
        properties: { contentType: 'text/plain', id: 'x', ttlMs: 5, mandatory: true },
      },
    ]);
  });

  it.each(['ttlMs=soon', 'ttlMs=', 'ttlMs=1e3', 'mandatory=maybe', 'id='])('refuses ?%s', async (query) => {
    const answer = await setup().post(`/v1/publish?key=k&${query}`, 'x', { 'Content-Type': FORM });
    expect(await answer.json()).toMatchObject({
      error: { name: 'bad-argument', detail: { field: query.split('=')[0] } },
    });
  });
});

describe('publishing many messages', () => {
  const messages = [
    { key: 'a', text: '1' },
    { key: 'b', text: '2' },
    { key: 'a\n', text: '3' },
  ];

  it('publishes in order and answers for each', async () => {
    const { hub, post } = setup();
    const answer = await post('/v1/publish', json({ messages }), { 'Idempotency-Key': 'batch' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      results: [{ offset: 1 }, { offset: 2 }, { error: { name: 'bad-key' } }],
    });
    expect(hub.published.map(({ properties }) => properties.id)).toEqual(['batch:0', 'batch:1']);
  });

  it('answers with the status of the first refusal where nothing was taken', async () => {
    const { hub, post } = setup();
    hub.outcome = () => ({ kind: 'refused', error: 'unavailable' });
    const answer = await post('/v1/publish', json({ messages }));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Retry-After')).toBe('1');
    expect(((await answer.json()) as { results: unknown[] }).results).toHaveLength(3);
  });

  it.each([[[]], ['no list'], [Array.from({ length: 1_001 }, () => 1)]])('refuses %j', async (list) => {
    const answer = await setup({ maxBodyBytes: 10_000 }).post('/v1/publish', json({ messages: list }));
    expect(await answer.json()).toMatchObject({
      error: { name: 'bad-argument', detail: { field: 'messages' } },
    });
  });
});

describe('who may call', () => {
  const body = json({ key: 'k', text: '' });

  it.each([
    ['no token', {}],
    ['another token', { Authorization: 'Bearer wrong' }],
    ['another scheme', { Authorization: `Basic ${TOKEN}` }],
    ['an empty token', { Authorization: 'Bearer ' }],
  ])('refuses %s as unauthorized', async (_, headers) => {
    const { hub, request } = setup();
    const answer = await request('/v1/publish', { method: 'POST', body, headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    expect(await answer.json()).toMatchObject({ error: { name: 'unauthorized' } });
    expect(hub.published).toEqual([]);
  });

  it('takes no token from the URL', async () => {
    const answer = await setup().request(`/v1/publish?key=k&token=${TOKEN}`, { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { detail: { field: 'token' } } });
  });

  it.each(['token', 'access_token', 'jwt', 'api_key'])('refuses what has %s in its URL', async (name) => {
    const { hub, post, request } = setup();
    for (const path of [`/v1/publish?key=k&${name}=x`, `/v1/publish?${name}&key=k`]) {
      const answer = await post(path, body);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('never stands in a URL');
    }
    expect((await request(`/v1/events?${name}=${TOKEN}`)).status).toBe(400);
    expect(hub.published).toEqual([]);
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.168.1.5:8080',
    '[::2]',
    'localhost@evil.example',
    '',
  ])('refuses a dev hub under the name %j', async (host) => {
    for (const path of ['/', '/v1/dev/token', '/v1/publish', '/metrics', '/livez']) {
      const answer = await setup().request(path, { headers: { Host: host } });
      expect(answer.status).toBe(403);
    }
  });

  it.each(['localhost', 'localhost:8080', 'demo.localhost:8080', '127.0.0.1', '127.8.9.1:1', '[::1]:8080'])(
    'takes a dev hub under the name %s',
    async (host) => {
      expect((await setup().request('/livez', { headers: { Host: host } })).status).toBe(200);
    },
  );

  it.each([
    'https://evil.example',
    'null',
    'http://127.0.0.1:9999',
    'https://app.example.com.evil.example',
    'http://app.example.com',
    'https://APP.example.com',
  ])('refuses pages of %s', async (origin) => {
    const { hub, post } = setup();
    const answer = await post('/v1/publish', body, { Origin: origin });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
    expect(await answer.json()).toMatchObject({ error: { name: 'forbidden' } });
    expect(hub.published).toEqual([]);
  });

  it('takes its own pages and those of the allowlist', async () => {
    const { post, request } = setup();
    const own = await post('/v1/publish', body, { Origin: `http://${HOST}` });
    expect(own.status).toBe(200);
    const origin = 'https://app.example.com';
    const other = await post('/v1/publish', body, { Origin: origin });
    expect(other.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(other.headers.get('Vary')).toContain('Origin');
    const asked = await request('/v1/publish', { method: 'OPTIONS', headers: { Origin: origin } });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('Access-Control-Allow-Headers')).toContain('Authorization');
    expect(asked.headers.get('Access-Control-Allow-Origin')).toBe(origin);
  });
});

describe('the token of a dev hub', () => {
  it('is given to its own pages, and never stored', async () => {
    const answer = await setup().request('/v1/dev/token', { headers: { 'Sec-Fetch-Site': 'same-origin' } });
    expect(await answer.json()).toEqual({ token: TOKEN });
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
  });

  it.each([
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'https://evil.example' },
    { Origin: 'https://app.example.com' },
  ])('is not given to %j', async (headers) => {
    const answer = await setup().request('/v1/dev/token', { headers: headers as Record<string, string> });
    expect(answer.status).toBeGreaterThanOrEqual(403);
    expect(await answer.text()).not.toContain(TOKEN);
  });

  it('is nowhere on another hub', async () => {
    const { request } = setup({
      devToken: undefined as never,
      callers: { origins: [], loopbackOnly: false },
    });
    expect((await request('/v1/dev/token')).status).toBe(404);
  });
});

describe('operating', () => {
  it('is alive always, ready when the hub says so', async () => {
    const { hub, request } = setup();
    expect((await request('/readyz')).status).toBe(200);
    hub.state = { ready: false, reasons: ['the hub is shutting down'] };
    expect((await request('/livez')).status).toBe(200);
    for (const path of ['/readyz', '/healthz']) {
      const answer = await request(path);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toEqual({ status: 'not ready' });
    }
    expect(await (await request('/readyz?verbose')).json()).toEqual({
      status: 'not ready',
      reasons: ['the hub is shutting down'],
      warnings: [],
    });
  });

  it.each(['/v1/stats', '/metrics'])('shows %s to who may, and to pages of a dev hub', async (path) => {
    const { request } = setup();
    expect((await request(path, { headers: { Authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    expect((await request(path, { headers: { 'Sec-Fetch-Site': 'same-origin' } })).status).toBe(200);
    expect((await request(path, { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(401);
    expect((await request(path, { headers: { Authorization: 'Bearer wrong' } })).status).toBe(401);
  });

  it.each(['/v1/stats', '/metrics'])('hides %s from browsers’ tokens, and without one', async (path) => {
    const { request } = setup({
      auth: new TokenAuth('tokens', [{ token: 'page', subject: 'page', role: 'browser' }]),
      devToken: undefined as never,
    });
    expect((await request(path, { headers: { Authorization: 'Bearer page' } })).status).toBe(403);
    expect((await request(path)).status).toBe(401);
  });

  it('answers unknown paths and methods with a typed 404', async () => {
    const { request } = setup();
    for (const answer of [await request('/nowhere'), await request('/v1/publish'), await request('/v1/')]) {
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { name: 'not-found' } });
    }
  });

  it('says what is at the WebSocket path', async () => {
    expect((await setup().request('/v1/ws')).status).toBe(426);
  });
});
