/**
 * Named queues in `/v1/openapi.json` (PROTOCOL §17, §20).
 */
import { DEAD_LETTER_REASONS, QUEUE_OVERFLOWS } from '@ringhub/protocol';
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

const positive = { type: 'integer', minimum: 1 };
const amount = { type: 'number', minimum: 0 };
const maybe = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });

const options = {
  durable: flag,
  exclusive: flag,
  autoDelete: flag,
  maxMessages: positive,
  maxBytes: positive,
  overflow: { enum: QUEUE_OVERFLOWS },
  messageTtlMs: count,
  expiresMs: positive,
  deliveryLimit: maybeCount,
  deadLetterExchange: text,
  deadLetterKey: text,
  retry: record({ delayMs: positive, factor: amount, maxDelayMs: positive, jitter: amount }, [
    'factor',
    'maxDelayMs',
    'jitter',
  ]),
};

export const QUEUE_SCHEMAS = {
  Death: record(
    {
      queue: text,
      reason: { enum: DEAD_LETTER_REASONS },
      count: positive,
      timeMs: count,
      exchange: text,
      keys: list(text),
      originalTtlMs: count,
    },
    ['originalTtlMs'],
  ),
  QueueOptions: record(options, Object.keys(options)),
  Ledger: record({
    routed: count,
    acked: count,
    written: count,
    rejected: count,
    expired: count,
    dropped: { type: 'object', additionalProperties: count },
    deadLettered: count,
    ready: count,
    inflight: count,
    residual: count,
  }),
  Figures: record({
    responseTimeMs: maybe(amount),
    throughputPerSec: amount,
    lossRate: maybe({ ...amount, maximum: 1 }),
    delayMs: maybe(amount),
  }),
  Queue: record({
    name: text,
    options: ref('QueueOptions'),
    messages: record({ ready: count, inflight: count, delayed: count }),
    bytes: count,
    consumers: count,
    figures: ref('Figures'),
    ledger: ref('Ledger'),
  }),
  Emptied: { ...record({ messages: count }), description: 'How many messages went' },
};

const name = { name: 'name', in: 'path', required: true, schema: text, description: 'Percent-encoded' };

export const QUEUE_PATHS = {
  '/v1/queues': {
    get: {
      operationId: 'listQueues',
      summary: 'The first named queues by name that the caller may consume from',
      responses: {
        200: answer('What there is', record({ queues: list(ref('Queue')), complete: flag })),
        default: refused,
      },
    },
  },
  '/v1/queues/{name}': {
    get: {
      operationId: 'inspectQueue',
      summary: 'What a named queue holds, its figures and its ledger',
      parameters: [name],
      responses: { 200: answer('The queue', ref('Queue')), default: refused },
    },
    put: {
      operationId: 'declareQueue',
      summary: 'Make a named queue, or find the one there with the same options',
      parameters: [name],
      requestBody: content(ref('QueueOptions')),
      responses: { 200: answer('It is there', ref('Queue')), default: refused },
    },
    delete: {
      operationId: 'deleteQueue',
      summary: 'Delete a named queue with its messages and bindings',
      parameters: [
        name,
        query('ifUnused', flag, 'Only if nobody consumes from it'),
        query('ifEmpty', flag, 'Only if it holds nothing'),
      ],
      responses: { 200: answer('It is gone', ref('Emptied')), default: refused },
    },
  },
  '/v1/queues/{name}/messages': {
    delete: {
      operationId: 'purgeQueue',
      summary: 'Take away what is ready or delayed in a named queue',
      parameters: [name],
      responses: { 200: answer('They are gone', ref('Emptied')), default: refused },
    },
  },
} as const;
