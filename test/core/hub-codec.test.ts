/**
 * Both codecs of the hub against each other: the same frames and batches, put together in any way, read back as the
 * same; and what is shared is the same for everybody who shares it.
 */
import { decodeServerMessage, decodeServerMessageBinary, restOf, type ServerFrame } from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../server/src/core/batch.ts';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import type { HubCodec } from '../../server/src/core/hub-codec.ts';
import { BinaryHubCodec } from '../../server/src/core/hub-codec-binary.ts';
import { JsonHubCodec } from '../../server/src/core/hub-codec-json.ts';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import type { Entry } from '../../server/src/core/ready-ring.ts';
import { EPOCH, storedRecord } from './stored-record.ts';

const codecs = (budget = new MemoryBudget(1_000_000)) => [
  new JsonHubCodec(budget),
  new BinaryHubCodec(budget),
];

/** The frames of what `end` gives, read while it holds. */
function framesOf(codec: HubCodec): readonly ServerFrame[] | undefined {
  const message = codec.end();
  if (message === undefined) return [];
  return typeof message === 'string' ? decodeServerMessage(message) : decodeServerMessageBinary(message);
}

function gap(offset: number): GapEntry {
  const entry = new GapEntry();
  entry.addMessage('v', EPOCH, offset, 'overflow', true);
  return entry;
}

const batchOf = (firstTag: number, entries: readonly Entry[], redelivered = 0): Batch => {
  const batch = new Batch();
  for (const [i, entry] of entries.entries())
    batch.add(firstTag + i, entry, redelivered > 0 && i === 0 ? { redelivered } : undefined);
  return batch;
};

const payload = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 40 }));
const entry = fc.oneof(
  { weight: 6, arbitrary: fc.record({ offset: fc.nat(), payload, headed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant('gap' as const) },
  { weight: 1, arbitrary: fc.constant('end' as const) },
);
/** A ring's entries, of which each session is given some. */
const world = fc.array(entry, { minLength: 1, maxLength: 6 });
const put = fc.oneof(
  fc.record({
    queue: fc.nat(),
    tag: fc.integer({ min: 1, max: 1e9 }),
    from: fc.nat(5),
    redelivered: fc.nat(2),
  }),
  fc.constantFrom<Parameters<HubCodec['encode']>[0]>(
    { type: 'ping' },
    { type: 'mark', queue: 3, cursor: 'v:e1:9' },
    { type: 'confirm', runs: [{ seq: 1, count: 2, log: 'v', offset: 3, sessions: 4, duplicate: true }] },
    { type: 'error', ref: null, code: 4307, text: 'ü', detail: { queue: 1 } },
  ),
);

describe('the codecs of the hub', () => {
  it('write the same frames, whatever was put into a message and shared before', () => {
    fc.assert(
      fc.property(world, fc.array(fc.array(put, { maxLength: 4 }), { maxLength: 5 }), (specs, messages) => {
        const entries = specs.map((spec, i): Entry => {
          if (spec === 'gap') return gap(i + 1);
          if (spec === 'end') return { kind: 'snapshot-end', cursor: `v:e1:${i}`, complete: i % 2 === 0 };
          const headers = spec.headed ? { a: 1, b: 'x', c: null } : undefined;
          return storedRecord(spec.offset, { payload: spec.payload, headers });
        });
        const both = codecs();
        for (const puts of messages) {
          const [json, binary] = both.map((codec) => {
            codec.begin();
            for (const one of puts) {
              if ('type' in one) codec.put(codec.encode(one));
              else {
                const some = entries.slice(Math.min(one.from, entries.length - 1));
                codec.putBatch(one.queue, batchOf(one.tag, some, one.redelivered));
              }
            }
            return framesOf(codec);
          });
          expect(json).toHaveLength(puts.length);
          expect(binary).toEqual(json);
        }
      }),
    );
  });

  it('write what a page of history is as text, in a frame of theirs', () => {
    const line = '["ok",7,{"items":[],"cursor":"v:e1:3","more":false}]';
    const read = codecs().map((codec) => {
      codec.begin();
      codec.put(codec.encodeText(line));
      return framesOf(codec);
    });
    expect(read[0]).toEqual([{ type: 'ok', ref: 7, result: { items: [], cursor: 'v:e1:3', more: false } }]);
    expect(read[1]).toEqual(read[0]);
  });

  it('say nothing where nothing was put, and drop what an unfinished message held', () => {
    for (const codec of codecs()) {
      codec.begin();
      codec.put(codec.encode({ type: 'ping' }));
      codec.begin();
      expect(codec.end()).toBeUndefined();
    }
  });

  it('refuse a message of the other kind as no frame', () => {
    const [json, binary] = codecs();
    for (const frames of [json!.read(new Uint8Array([2, 0, 0, 0, 0])), binary!.read('["ping"]')]) {
      expect(restOf(frames)).toEqual([{ type: 'invalid', error: 'bad-frame', fatal: true }]);
    }
  });

  it('keep the item of a record for others, within the budget for items', () => {
    const record = storedRecord(1);
    const [json, binary] = codecs();
    for (const codec of [json!, binary!]) {
      codec.begin();
      codec.putBatch(1, batchOf(1, [record]));
    }
    expect(record.itemText).toContain('"amq.topic"');
    expect(record.itemBytes?.length).toBeGreaterThan(10);
    const tight = storedRecord(2);
    for (const codec of codecs(new MemoryBudget(8))) {
      codec.begin();
      codec.putBatch(1, batchOf(1, [tight]));
      expect(framesOf(codec)).toHaveLength(1);
    }
    expect([tight.itemText, tight.itemBytes]).toEqual([undefined, undefined]);
  });
});
