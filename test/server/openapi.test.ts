/** Every operation of `/v1/openapi.json`, called on a hub: the answer has a documented status and shape. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningHub } from '../../server/src/index.ts';
import { startHub } from './support/start-hub.ts';

type Schema = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, Schema> };
}

interface Call {
  readonly path?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly headers?: Record<string, string>;
}

/** In order: later ones use what earlier ones have made. At least one that succeeds and one that is refused for each. */
const CALLS: readonly (readonly [operationId: string, Call])[] = [
  ['declareExchange', { body: { name: 'a', type: 'topic' }, status: 200 }],
  [
    'declareExchange',
    { body: { name: 'b', type: 'fanout', autoDelete: false, alternate: 'a' }, status: 200 },
  ],
  ['declareExchange', { body: { name: 'a', type: 'direct' }, status: 409 }],
  ['declareExchange', { body: { name: 'c', type: 'star' }, status: 400 }],
  ['declareExchange', { body: ['c'], status: 400 }],
  ['bind', { body: { source: 'a', destination: 'b', key: 'k.#' }, status: 200 }],
  ['bind', { body: { source: 'amq.headers', destination: 'b', args: { n: 1 } }, status: 200 }],
  ['bind', { body: { source: 'a', destination: 7, key: 'k.#' }, status: 400 }],
  ['bind', { body: { source: 'a', destination: 'nowhere', key: 'k.#' }, status: 404 }],
  ['declareQueue', { path: '/v1/queues/q', body: { maxMessages: 5, retry: { delayMs: 10 } }, status: 200 }],
  ['declareQueue', { path: '/v1/queues/q', body: { maxMessages: 6 }, status: 409 }],
  ['declareQueue', { path: '/v1/queues/q', body: { overflow: 'never' }, status: 400 }],
  ['declareQueue', { path: '/v1/queues/q', body: 'text', status: 400 }],
  ['bind', { body: { source: 'a', queue: 'q', key: 'k.#' }, status: 200 }],
  ['bind', { body: { source: 'a', queue: 'nowhere', key: 'k.#' }, status: 404 }],
  ['bind', { body: { source: '', queue: 'q', key: 'k' }, status: 403 }],
  ['topology', { status: 200 }],
  ['topology', { status: 401, headers: { Authorization: '' } }],
  ['publish', { body: { exchange: 'a', key: 'k.1', data: 1, headers: { h: true }, id: 'i' }, status: 200 }],
  ['publish', { body: { messages: [{ key: 'k', b64: 'AA==' }, { key: 'k' }] }, status: 200 }],
  ['publish', { body: { exchange: '', key: 'q', text: 'for a queue' }, status: 200 }],
  ['publish', { body: {}, status: 400 }],
  ['inspectQueue', { path: '/v1/queues/q', status: 200 }],
  ['inspectQueue', { path: '/v1/queues/nowhere', status: 404 }],
  ['listQueues', { status: 200 }],
  ['listQueues', { status: 401, headers: { Authorization: '' } }],
  ['history', { path: '/v1/history?exchange=b&key=', status: 200 }],
  ['history', { path: '/v1/history?key=k&key=k.%23&before=&limit=1', status: 200 }],
  ['history', { path: '/v1/history?after=v:another:3', status: 200 }],
  ['history', { path: '/v1/history?after=nonsense', status: 400 }],
  ['history', { path: '/v1/history?limit=many', status: 400 }],
  ['history', { path: '/v1/history?after=v:e:1&before=v:e:2', status: 400 }],
  ['history', { path: '/v1/history?exchange=nowhere', status: 404 }],
  ['events', { path: '/v1/events?key=k', status: 200 }],
  ['events', { path: '/v1/events?since=nonsense', status: 400 }],
  ['giveEventsCookie', { status: 204 }],
  ['giveEventsCookie', { status: 401, headers: { Authorization: '' } }],
  ['giveEventsCookie', { status: 403, headers: { 'Sec-Fetch-Site': 'cross-site' } }],
  ['takeEventsCookie', { status: 204 }],
  ['takeEventsCookie', { status: 403, headers: { 'Sec-Fetch-Site': 'cross-site' } }],
  ['stats', { status: 200 }],
  ['stats', { status: 403, headers: { Authorization: 'Bearer token-of-a-browser' } }],
  ['listSessions', { path: '/v1/sessions?limit=5&subject=server', status: 200 }],
  ['listSessions', { path: '/v1/sessions?limit=0', status: 400 }],
  ['listSessions', { status: 403, headers: { Authorization: 'Bearer token-of-a-browser' } }],
  ['closeSessions', { body: { session: 'none' }, status: 200 }],
  ['closeSessions', { body: { subject: 'who-was-here', revoke: true, revokeForMs: 1000 }, status: 200 }],
  ['closeSessions', { body: { session: 'none', revoke: true }, status: 400 }],
  ['closeSessions', { body: { session: 'none', subject: 'both' }, status: 400 }],
  ['closeSessions', { body: {}, status: 400 }],
  ['closeSessions', { body: { subject: 'a', revokeForMs: 0 }, status: 400 }],
  [
    'closeSessions',
    { body: { subject: 'server' }, status: 403, headers: { Authorization: 'Bearer token-of-a-browser' } },
  ],
  ['deleteQueue', { path: '/v1/queues/q?ifEmpty=true', status: 409 }],
  ['purgeQueue', { path: '/v1/queues/q/messages', status: 200 }],
  ['purgeQueue', { path: '/v1/queues/nowhere/messages', status: 404 }],
  ['unbind', { body: { source: 'a', queue: 'q', key: 'k.#' }, status: 204 }],
  ['deleteQueue', { path: '/v1/queues/q?ifEmpty&ifUnused', status: 200 }],
  ['deleteQueue', { path: '/v1/queues/q', status: 404 }],
  ['unbind', { body: { source: 'a', destination: 'b', key: 'k.#' }, status: 204 }],
  ['unbind', { body: { source: 'a', destination: 'b', key: 'k.#' }, status: 404 }],
  ['deleteExchange', { path: '/v1/exchanges/b?ifUnused=true', status: 204 }],
  ['deleteExchange', { path: '/v1/exchanges/b', status: 404 }],
  ['deleteExchange', { path: '/v1/exchanges/a?ifUnused=perhaps', status: 400 }],
  ['deleteExchange', { path: '/v1/exchanges/amq.topic', status: 403 }],
  [
    'deleteExchange',
    { path: '/v1/exchanges/a', status: 403, headers: { Authorization: 'Bearer token-of-a-browser' } },
  ],
];

let hub: RunningHub;
let document: Document;

beforeAll(async () => {
  hub = await startHub({
    tokens: [
      { token: 'token-of-a-server', subject: 'server', role: 'server' },
      { token: 'token-of-a-browser', subject: 'browser', role: 'browser' },
    ],
  });
  const answer = await fetch(`${hub.httpUrl}/v1/openapi.json`);
  expect(answer.status).toBe(200);
  document = (await answer.json()) as Document;
});
afterAll(() => hub.close());

function find(operationId: string): { path: string; method: string; operation: Operation } {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId === operationId) return { path, method, operation };
    }
  }
  throw new Error(`no operation ${operationId}`);
}

describe('the document', () => {
  it('is OpenAPI 3.1, and every reference leads somewhere', () => {
    expect(document.openapi).toBe('3.1.0');
    const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(names.length).toBeGreaterThan(0);
    for (const [, name] of names) expect(document.components.schemas).toHaveProperty(name!);
  });

  it('has each operation called here, and refused', () => {
    const all = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    const called = (isGood: boolean) =>
      new Set(CALLS.filter(([, { status }]) => status < 300 === isGood).map(([id]) => id));
    expect([...called(true)].sort()).toEqual(all.toSorted());
    expect([...called(false)].sort()).toEqual(all.toSorted());
  });
});

describe('each operation', () => {
  it.each(CALLS)('%s %j', async (operationId, call) => {
    const { path, method, operation } = find(operationId);
    const abort = new AbortController();
    const answer = await fetch(`${hub.httpUrl}${call.path ?? path}`, {
      method: method.toUpperCase(),
      signal: abort.signal,
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      headers: {
        Authorization: 'Bearer token-of-a-server',
        'Content-Type': 'application/json',
        ...call.headers,
      },
    });
    expect(answer.status).toBe(call.status);
    const documented = operation.responses[answer.status] ?? operation.responses.default;
    expect(answer.status < 300).toBe(operation.responses[answer.status] !== undefined);
    const [type, content] = Object.entries(documented!.content ?? {})[0] ?? [];
    if (!type) expect(await answer.text()).toBe('');
    else expect(answer.headers.get('Content-Type')).toMatch(new RegExp(`^${type}`));
    if (type === 'application/json') expect(faultsOf(content!.schema, await answer.json(), '$')).toEqual([]);
    abort.abort();
  });
});

describe('a message', () => {
  it('has no field that is not described, a dead letter neither', async () => {
    const ask = async (method: string, path: string, body?: object) => {
      const answer = await fetch(hub.httpUrl + path, {
        method,
        headers: { Authorization: 'Bearer token-of-a-server', 'Content-Type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      expect(answer.status).toBe(200);
      return answer.json();
    };
    await ask('PUT', '/v1/queues/short', {
      maxMessages: 1,
      deadLetterExchange: 'amq.topic',
      messageTtlMs: 60_000,
    });
    const publish = { exchange: '', key: 'short', text: 'm', ttlMs: 50_000, id: 'dying', headers: { h: 1 } };
    await ask('POST', '/v1/publish', publish);
    await ask('POST', '/v1/publish', { ...publish, id: 'living' });
    const page = (await ask('GET', '/v1/history?exchange=amq.topic&key=short&before=')) as {
      items: object[];
    };
    const [message] = page.items as { xDeath: object[] }[];
    expect(message).toMatchObject({ id: 'dying', xDeath: [{ queue: 'short', reason: 'maxlen', count: 1 }] });
    const { Message, Death } = document.components.schemas;
    for (const [schema, value] of [
      [Message!, message!],
      [Death!, message!.xDeath[0]!],
    ] as const) {
      expect(faultsOf(schema, value, '$')).toEqual([]);
      expect(Object.keys(schema.properties as object)).toEqual(expect.arrayContaining(Object.keys(value)));
    }
    expect(await ask('GET', '/v1/stats')).toMatchObject({ deadLetters: { published: 1, lost: 0 } });
  });
});

/** Checks what these schemas use of JSON Schema; a keyword it does not know is a fault, too. */
function faultsOf(schema: Schema, value: unknown, at: string): string[] {
  const faults: string[] = [];
  for (const [keyword, given] of Object.entries(schema)) {
    switch (keyword) {
      case '$ref':
        faults.push(...faultsOf(document.components.schemas[String(given).split('/').at(-1)!]!, value, at));
        break;
      case 'anyOf':
      case 'oneOf': {
        const fitting = (given as Schema[]).filter((one) => faultsOf(one, value, at).length === 0).length;
        if (fitting === 0 || (keyword === 'oneOf' && fitting > 1))
          faults.push(`${at}: ${fitting} of ${keyword}`);
        break;
      }
      case 'type':
        if (![given].flat().some((type) => isOf(type as string, value))) faults.push(`${at}: no ${given}`);
        break;
      case 'const':
        if (value !== given) faults.push(`${at}: not ${given}`);
        break;
      case 'enum':
        if (!(given as unknown[]).includes(value)) faults.push(`${at}: none of ${given}`);
        break;
      case 'minimum':
        if (typeof value === 'number' && value < (given as number)) faults.push(`${at}: below ${given}`);
        break;
      case 'required':
        for (const name of given as string[]) {
          if (!isOf('object', value) || !(name in (value as object))) faults.push(`${at}: no ${name}`);
        }
        break;
      case 'properties':
        for (const [name, inner] of Object.entries(given as Record<string, Schema>)) {
          const field = (value as Record<string, unknown> | null)?.[name];
          if (field !== undefined) faults.push(...faultsOf(inner, field, `${at}.${name}`));
        }
        break;
      case 'additionalProperties':
        for (const [name, field] of Object.entries(value as object)) {
          faults.push(...faultsOf(given as Schema, field, `${at}.${name}`));
        }
        break;
      case 'items':
        for (const [i, item] of (Array.isArray(value) ? value : []).entries()) {
          faults.push(...faultsOf(given as Schema, item, `${at}[${i}]`));
        }
        break;
      case 'description':
      case 'default':
      case 'maximum':
        break;
      default:
        faults.push(`${at}: what is ${keyword}?`);
    }
  }
  return faults;
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
