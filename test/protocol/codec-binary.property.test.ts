/** The two codecs say the same of any frame; and whatever bytes arrive, reading never throws. */
import {
  type ClientFrame,
  decodeClientMessage,
  decodeClientMessageBinary,
  decodeServerMessage,
  encodeClientFrame,
  encodeDeliver,
  encodeGapItem,
  encodeMessageItem,
  encodeServerFrame,
  encodeSnapshotEndItem,
  type Item,
  type ServerFrame,
} from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { cases } from '../cases.ts';
import { same } from '../same.ts';
import {
  clientFrameBytes,
  hubFrameBytes,
  joined,
  readBinaryAsClient,
  readBinaryAsHub,
} from './binary-checks.ts';
import { binaryClientVectors, binaryHubVectors } from './binary-vectors.ts';
import { leavingPrototypesAlone } from './decode-checks.ts';

/** Numbers of every length a varint has. */
const count = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat(),
  fc.tuple(fc.nat({ max: 53 }), fc.integer({ min: -1, max: 1 })).map(([bits, by]) => {
    return Math.min(Math.max(0, 2 ** bits + by), Number.MAX_SAFE_INTEGER);
  }),
);
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  // Around the lengths at which the codec does something else.
  fc
    .tuple(
      fc.constantFrom('x', 'é', '€', '😀', '\ufffd'),
      fc.constantFrom(31, 32, 33, 48, 49, 127, 128, 129, 5462),
    )
    .map(([unit, times]) => unit.repeat(times)),
);
const key = fc.oneof(fc.stringMatching(/^[a-z.*#]{0,40}$/), text);
const payload = fc.oneof(text, fc.uint8Array({ maxLength: 200 }));
const header = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const headers = fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'a', '0')), header, { maxKeys: 5 });
const log = fc.constantFrom<'v' | 'd'>('v', 'd');
const contentType = fc.oneof(
  fc.constantFrom('text/plain', 'application/octet-stream', 'application/json', 'text/html'),
  text,
);
const optional = { requiredKeys: [] };
const ranges = fc.oneof(
  fc.uniqueArray(count, { maxLength: 10 }).map((tags) => {
    const sorted = tags.sort((a, b) => a - b);
    const pairs: [number, number][] = [];
    for (let i = 0; i + 1 < sorted.length; i += 2) pairs.push([sorted[i]!, sorted[i + 1]!]);
    return pairs;
  }),
  fc.array(fc.tuple(count, count), { maxLength: 5 }),
);

const properties = fc.record(
  {
    contentType,
    headers,
    id: text,
    ttlMs: count,
    mandatory: fc.constant(true),
    resent: fc.tuple(text, count),
  },
  optional,
);
const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('publish'),
      seq: count,
      exchange: text,
      key,
      payload,
      properties,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('ack'), queue: count, upTo: count, ranges }) },
  fc.record({ type: fc.constant('reject'), queue: count, ranges }),
  fc.record(
    { type: fc.constant('nack'), queue: count, ranges, delayMs: count },
    { requiredKeys: ['type', 'queue', 'ranges'] },
  ),
  fc.record({
    type: fc.constant('declareQueue'),
    ref: count,
    name: text,
    options: fc.record(
      {
        durable: fc.boolean(),
        exclusive: fc.boolean(),
        maxMessages: count,
        messageTtlMs: count,
        deliveryLimit: fc.option(count),
        deadLetterExchange: text,
        deadLetterKey: key,
        retry: fc.record({ delayMs: count, factor: fc.double({ noNaN: true }) }),
      },
      optional,
    ),
  }),
  fc.record({ type: fc.constantFrom('purge', 'inspect'), ref: count, name: text }),
  fc.record({
    type: fc.constant('consume'),
    ref: count,
    options: fc.record(
      { consume: text, prefetch: count, onLost: fc.constantFrom('keep', 'requeue', 'drop') },
      { requiredKeys: ['consume'] },
    ),
  }),
  fc.record({
    type: fc.constantFrom('bind', 'unbind'),
    ref: count,
    to: fc.oneof(text, count, fc.record({ queue: text })),
    binding: fc.tuple(text, key),
  }),
  fc.record({ type: fc.constant('credit'), ref: count, queue: count, prefetch: count }),
  fc.record({
    type: fc.constant('subscribe'),
    ref: count,
    options: fc.record({ bindings: fc.array(fc.tuple(text, key), { maxLength: 3 }) }),
  }),
  fc.record({
    type: fc.constant('history'),
    ref: count,
    options: fc.record({
      bindings: fc.array(fc.tuple(text, key), { maxLength: 3 }),
      ranges: fc.array(fc.tuple(log, fc.constantFrom('e1', ''), count, fc.option(count)), { maxLength: 3 }),
    }),
  }),
  fc.record({ type: fc.constantFrom('ping', 'pong', 'bye') }),
) as fc.Arbitrary<ClientFrame>;

const range = fc.record({
  log,
  epoch: text,
  from: count,
  to: fc.option(count),
  count: fc.option(count),
  reason: fc.constantFrom('overflow', 'epoch'),
});
const death = fc.record(
  {
    queue: text,
    reason: fc.constantFrom('rejected', 'delivery_limit'),
    count,
    timeMs: count,
    exchange: text,
    keys: fc.array(text, { maxLength: 3 }),
    originalTtlMs: count,
  },
  { requiredKeys: ['queue', 'reason', 'count', 'timeMs', 'exchange', 'keys'] },
);
const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        kind: fc.constant('message'),
        exchange: text,
        key,
        payload,
        contentType,
        log,
        offset: count,
        timeMs: count,
        id: text,
        headers,
        xDeath: fc.array(death, { maxLength: 3 }),
      },
      { requiredKeys: ['kind', 'exchange', 'key', 'payload', 'contentType', 'log', 'offset', 'timeMs'] },
    ),
  },
  fc.record({
    kind: fc.constant('gap'),
    gap: fc.record({
      count: fc.option(count),
      reason: fc.constant('several'),
      ranges: fc.array(range, { maxLength: 3 }),
    }),
  }),
  fc.record({ kind: fc.constant('snapshot-end'), cursor: text, complete: fc.boolean() }),
) as fc.Arbitrary<Item>;
const note = fc.record({ replaced: count, redelivered: count }, optional);
const run = fc.record(
  {
    seq: count,
    count,
    log,
    offset: count,
    sessions: count,
    duplicate: fc.constant(true),
    queues: fc.record({
      took: fc.array(text, { maxLength: 3 }),
      refused: fc.array(fc.tuple(text, text), { maxLength: 3 }),
    }),
  },
  { requiredKeys: ['seq', 'count', 'log', 'offset', 'sessions'] },
);
const detail = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), header, { maxKeys: 3 });
const hubFrame: fc.Arbitrary<ServerFrame> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('deliver'),
      queue: count,
      firstTag: count,
      items: fc.array(item, { maxLength: 6 }),
      notes: fc.array(fc.tuple(count, note), { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('confirm'), runs: fc.array(run, { maxLength: 5 }) }),
  },
  fc.record({ type: fc.constant('mark'), queue: count, cursor: text }),
  fc.record({ type: fc.constant('refused'), seq: count, code: count, text, detail }),
  fc.record({ type: fc.constant('error'), ref: fc.option(count), code: count, text }),
  fc.record({ type: fc.constant('drain'), reconnectInMs: count }),
  fc.record({ type: fc.constantFrom('ping', 'pong') }),
) as fc.Arbitrary<ServerFrame>;

const itemLine = (item: Item): string =>
  item.kind === 'message'
    ? encodeMessageItem(item)
    : item.kind === 'gap'
      ? encodeGapItem(item.gap)
      : encodeSnapshotEndItem(item.cursor, item.complete);

const hubLine = (frame: ServerFrame): string =>
  frame.type === 'deliver'
    ? encodeDeliver(frame.queue, frame.firstTag, frame.items.map(itemLine).join(','), frame.notes)
    : encodeServerFrame(frame);

describe('both codecs agree', () => {
  test('on any client frame, and on what is wrong with it', () => {
    fc.assert(
      fc.property(fc.array(clientFrame, { minLength: 1, maxLength: 4 }), (frames) => {
        const lines = frames.map(encodeClientFrame).join('\n');
        same(readBinaryAsHub(joined(...frames.map(clientFrameBytes))), decodeClientMessage(lines));
      }),
      { numRuns: cases(1_500) },
    );
  });

  test('on any hub frame', () => {
    fc.assert(
      fc.property(fc.array(hubFrame, { minLength: 1, maxLength: 4 }), (frames) => {
        const lines = frames.map(hubLine).join('\n');
        same(readBinaryAsClient(joined(...frames.map(hubFrameBytes))), decodeServerMessage(lines));
      }),
      { numRuns: cases(1_500) },
    );
  });
});

test('text is told from bytes that are none exactly as a fatal decoder does', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  // Whole characters, halves of them, and whatever else.
  const piece = fc.oneof(
    fc.constantFrom(
      [0xef, 0xbf, 0xbd],
      [0xef, 0xbf],
      [0xef],
      [0xe2, 0x82, 0xac],
      [0xf0, 0x9f, 0x98],
      [0xed, 0xa0, 0x80],
    ),
    fc.array(fc.nat({ max: 255 }), { maxLength: 4 }),
    fc.constant([0x61]),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const payload = Uint8Array.from(pieces.flat().slice(0, 127));
      const head = [
        4,
        0,
        0,
        0,
        14 + payload.length,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        0x78,
        1,
        0x6b,
        payload.length,
      ];
      const [read] = decodeClientMessageBinary(joined(Uint8Array.from(head), payload));
      let text: string | undefined;
      try {
        text = fatal.decode(payload);
      } catch {}
      if (text === undefined)
        same<unknown>(read?.type === 'invalid' ? [read.error, read.fatal, read.seq] : read, [
          'bad-payload',
          false,
          1,
        ]);
      else same<unknown>(read?.type === 'publish' ? read.payload : read, text);
    }),
    { numRuns: cases(6_000) },
  );
});

describe.each([
  { reader: 'the hub', vectors: binaryClientVectors.map((v) => v.bytes), read: readBinaryAsHub },
  { reader: 'a client', vectors: binaryHubVectors.map((v) => v.bytes), read: readBinaryAsClient },
])('$reader reads', ({ vectors, read }) => {
  const short = vectors.filter((bytes) => bytes.length < 1_000);

  test('any bytes', () => {
    leavingPrototypesAlone(() => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void read(bytes)),
        { numRuns: cases(6_000) },
      );
    });
  });

  test('any bytes in a frame of a known kind and the right length', () => {
    leavingPrototypesAlone(() => {
      fc.assert(
        fc.property(fc.nat({ max: 9 }), fc.uint8Array({ maxLength: 60 }), (kind, body) => {
          read(joined(Uint8Array.of(kind, 0, 0, 0, body.length), body));
        }),
        { numRuns: cases(6_000) },
      );
    });
  });

  test('frames with several bytes changed, cut out or put in', () => {
    const change = fc.record({
      at: fc.nat(),
      drop: fc.nat({ max: 5 }),
      put: fc.uint8Array({ maxLength: 5 }),
    });
    leavingPrototypesAlone(() => {
      fc.assert(
        fc.property(fc.constantFrom(...short), fc.array(change, { maxLength: 4 }), (frame, changes) => {
          let bytes = frame;
          for (const { at, drop, put } of changes) {
            const from = at % (bytes.length + 1);
            bytes = joined(bytes.subarray(0, from), put, bytes.subarray(from + drop));
          }
          read(bytes);
        }),
        { numRuns: cases(6_000) },
      );
    });
  });

  test('frames and other bytes in any order', () => {
    const part = fc.oneof(fc.constantFrom(...short), fc.uint8Array({ maxLength: 20 }));
    leavingPrototypesAlone(() => {
      fc.assert(
        fc.property(fc.array(part, { maxLength: 5 }), (parts) => void read(joined(...parts))),
        {
          numRuns: cases(2_000),
        },
      );
    });
  });
});
