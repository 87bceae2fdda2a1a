/**
 * The HTTP API as an OpenAPI 3.1 document, served at `/v1/openapi.json` (PROTOCOL §17).
 *
 * Written by hand; test/server/openapi.test.ts calls every operation in it and holds status and body against it.
 */
import { EXCHANGE_TYPES, OVERFLOW_POLICIES } from '@ringhub/protocol';
import { QUEUE_PATHS, QUEUE_SCHEMAS } from './openapi-queues.ts';
import {
  answer,
  content,
  count,
  flag,
  list,
  maybeCount,
  query,
  record,
  ref,
  refused,
  text,
} from './openapi-schemas.ts';
import { SESSION_PATHS, SESSION_SCHEMAS } from './openapi-sessions.ts';

const headers = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } };

const BINDING_PARAMETERS = [
  query('exchange', { type: 'string', default: 'amq.topic' }, 'The exchange to read from'),
  query('key', { ...list(text), default: ['#'] }, 'Routing key or pattern; several may be given'),
];

const attributes = {
  type: { enum: EXCHANGE_TYPES },
  internal: flag,
  autoDelete: flag,
  alternate: text,
  durable: flag,
};
const OPTIONAL_ATTRIBUTES = ['internal', 'autoDelete', 'alternate', 'durable'];
const binding = record({ source: text, destination: text, queue: text, key: text, args: headers }, [
  'destination',
  'queue',
  'key',
  'args',
]);

const SCHEMAS = {
  Error: record({
    error: record({ code: count, name: text, text, detail: { type: 'object' } }, ['detail']),
  }),
  Receipt: record(
    {
      log: text,
      epoch: text,
      offset: count,
      sessions: count,
      duplicate: flag,
      queues: {
        ...record({ took: list(text), refused: list(list(text)) }),
        description:
          'Named queues that took it, and those that refused it, each with why; absent where it reached none',
      },
    },
    ['queues'],
  ),
  Publish: record(
    {
      exchange: { type: 'string', default: 'amq.topic' },
      key: text,
      data: {},
      text,
      b64: text,
      contentType: text,
      headers,
      id: text,
      ttlMs: count,
      mandatory: flag,
    },
    ['exchange', 'data', 'text', 'b64', 'contentType', 'headers', 'id', 'ttlMs', 'mandatory'],
  ),
  Message: record(
    {
      type: { const: 'message' },
      exchange: text,
      key: text,
      text,
      b64: text,
      contentType: text,
      log: text,
      offset: count,
      timeMs: count,
      id: text,
      headers,
      xDeath: { ...list(ref('Death')), description: 'Of a dead letter: how it died, the latest first' },
    },
    ['text', 'b64', 'id', 'headers', 'xDeath'],
  ),
  Gap: record({
    type: { const: 'gap' },
    count: maybeCount,
    reason: text,
    ranges: list(
      record({ log: text, epoch: text, from: count, to: maybeCount, count: maybeCount, reason: text }),
    ),
  }),
  HistoryPage: record({
    items: list({ oneOf: [ref('Message'), ref('Gap')] }),
    cursor: text,
    more: flag,
  }),
  Exchange: record({ name: text, ...attributes }, OPTIONAL_ATTRIBUTES),
  Topology: record({
    exchanges: list(record({ name: text, ...attributes, bindings: count }, OPTIONAL_ATTRIBUTES)),
    bindings: list(record({ exchange: text, key: text, args: headers, to: { type: 'object' } }, ['args'])),
    queues: list(ref('Queue')),
    complete: flag,
  }),
  Binding: { ...binding, description: 'To an exchange (destination) or to a named queue (queue)' },
  ...QUEUE_SCHEMAS,
  ...SESSION_SCHEMAS,
  Stats: {
    ...record({
      connections: count,
      sessions: record({ attached: count, parked: count }),
      queues: count,
      namedQueues: record({ count, list: list(ref('Queue')) }),
      figures: ref('Figures'),
      bindings: count,
      exchanges: count,
      routed: count,
      deliveries: count,
      gaps: count,
      deadLetters: record({ published: count, lost: count }),
    }),
    description: 'Gauges as they are now and sums since the start; more fields than these',
  },
};

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Ringhub',
    version: '1',
    description: 'You get every message, or you are told exactly which ones you missed and why.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  security: [{ bearer: [] }],
  paths: {
    '/v1/publish': {
      post: {
        operationId: 'publish',
        summary: 'Publish one message, many, or a raw body',
        parameters: [
          query('exchange', text, 'For a raw body'),
          query('key', text, 'For a raw body, and what makes it one'),
          { name: 'Idempotency-Key', in: 'header', schema: text, description: 'The id of the message' },
        ],
        requestBody: content({
          anyOf: [ref('Publish'), record({ messages: list(ref('Publish')) })],
        }),
        responses: {
          200: answer('Taken', {
            anyOf: [ref('Receipt'), record({ results: list({ anyOf: [ref('Receipt'), ref('Error')] }) })],
          }),
          default: refused,
        },
      },
    },
    '/v1/history': {
      get: {
        operationId: 'history',
        summary: 'One page of what the log holds; the latest unless after or before is given',
        parameters: [
          ...BINDING_PARAMETERS,
          query('after', text, 'Forward from this cursor'),
          query('before', text, 'The latest up to this cursor; empty for the head'),
          query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Messages at most'),
        ],
        responses: { 200: answer('A page', ref('HistoryPage')), default: refused },
      },
    },
    '/v1/events': {
      get: {
        operationId: 'events',
        summary: 'Messages as they come, as Server-Sent Events: message, gap, snapshot-end, closed',
        security: [{ bearer: [] }, { cookie: [] }],
        parameters: [
          ...BINDING_PARAMETERS,
          query('since', text, 'live, earliest, last-per-key, a cursor, or a time in ms since 1970'),
          query('overflow', { enum: OVERFLOW_POLICIES }, 'What happens when the reader is too slow'),
          query('capacity', { type: 'integer', minimum: 1 }, 'Messages that wait for a slow reader'),
          { name: 'Last-Event-ID', in: 'header', schema: text, description: 'The cursor to go on from' },
        ],
        responses: { 200: answer('A stream', text, 'text/event-stream'), default: refused },
      },
    },
    '/v1/events-cookie': {
      post: {
        operationId: 'giveEventsCookie',
        summary: 'Set the cookie by which an EventSource of this page shows the token of this request',
        responses: { 204: { description: 'Set, for as long as the token lives' }, default: refused },
      },
      delete: {
        operationId: 'takeEventsCookie',
        summary: 'Take that cookie away',
        responses: { 204: { description: 'Gone' }, default: refused },
      },
    },
    '/v1/topology': {
      get: {
        operationId: 'topology',
        summary: 'Exchanges, bindings and named queues that the caller may read from',
        responses: { 200: answer('What there is', ref('Topology')), default: refused },
      },
    },
    '/v1/exchanges': {
      post: {
        operationId: 'declareExchange',
        summary: 'Make an exchange, or find the one there with the same attributes',
        requestBody: { required: true, ...content(ref('Exchange')) },
        responses: { 200: answer('It is there', ref('Exchange')), default: refused },
      },
    },
    '/v1/exchanges/{name}': {
      delete: {
        operationId: 'deleteExchange',
        summary: 'Delete an exchange and all bindings from and to it',
        parameters: [
          { name: 'name', in: 'path', required: true, schema: text },
          query('ifUnused', flag, 'Only if nothing is bound to it'),
        ],
        responses: { 204: answer('It is gone'), default: refused },
      },
    },
    '/v1/bindings': {
      post: {
        operationId: 'bind',
        summary: 'Bind an exchange or a named queue to an exchange; once, however often it is asked for',
        requestBody: { required: true, ...content(ref('Binding')) },
        responses: { 200: answer('It is there', ref('Binding')), default: refused },
      },
      delete: {
        operationId: 'unbind',
        summary: 'Take such a binding back',
        requestBody: { required: true, ...content(ref('Binding')) },
        responses: { 204: answer('It is gone'), default: refused },
      },
    },
    ...QUEUE_PATHS,
    ...SESSION_PATHS,
    '/v1/stats': {
      get: {
        operationId: 'stats',
        summary: 'What the hub counts; needs the permission admin',
        responses: { 200: answer('Its counters', ref('Stats')), default: refused },
      },
    },
  },
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      cookie: { type: 'apiKey', in: 'cookie', name: 'ringhub_events' },
    },
    schemas: SCHEMAS,
  },
} as const;
