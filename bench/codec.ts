/**
 * What the two codecs cost, side by side in one run: `node scripts/run-ts.mjs bench/codec.ts`
 *
 * ns per message, the best of several rounds, JSON and binary taking turns. Where a transport needs bytes, JSON
 * pays for turning its text into them, and decoding begins from bytes: that is what a socket takes and gives.
 * `batch`: a `deliver` frame from items already encoded. `shared`: the same batch for 1,000 sessions, to a
 * transport that keeps what it is given (`copied`) and to one that copies it (`patched`).
 */
import {
  ByteWriter,
  beginDeliver,
  decodeClientMessage,
  decodeClientMessageBinary,
  decodeServerMessage,
  decodeServerMessageBinary,
  encodeClientFrame,
  encodeDeliver,
  encodeMessageItem,
  encodeMessageItemBinary,
  type MessageItem,
  type Payload,
  type Publish,
  patchDeliver,
  ShortTexts,
  writeClientFrame,
  writeDeliver,
  writeMessageItem,
} from '@ringhub/protocol';

const ROUNDS = 15;
const SESSIONS = 1_000;
const NO_NOTES: never[] = [];

interface Case {
  readonly name: string;
  readonly contentType: string;
  readonly payload: (i: number) => Payload;
}

const reading = (i: number, length: number): string => {
  const text = JSON.stringify({
    sensor: `s${i % 100}`,
    value: i / 7,
    unit: 'mbar',
    at: 1_700_000_000_000 + i,
    note: '',
  });
  return `${text.slice(0, -2)}${'n'.repeat(length - text.length)}"}`;
};

const CASES: readonly Case[] = [
  { name: '128 B JSON', contentType: 'application/json', payload: (i) => reading(i, 128) },
  {
    name: '128 B bytes',
    contentType: 'application/octet-stream',
    payload: (i) => Uint8Array.from({ length: 128 }, (_, at) => at * 7 + i),
  },
  {
    name: '4 KiB text',
    contentType: 'text/plain',
    payload: (i) => `${'The ring holds it. '.repeat(220)}${i}`.slice(-4096),
  },
];

let sink = 0;

/** ns per message of two ways to do the same, each at its best; rounds alternate, so that noise meets both. */
function compare(messages: number, json: () => number, binary: () => number): [json: number, binary: number] {
  const best: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const repeats = Math.max(1, Math.round(4_000 / messages));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of [json, binary].entries()) {
      const start = process.hrtime.bigint();
      for (let n = 0; n < repeats; n++) sink += run();
      best[i] = Math.min(best[i]!, Number(process.hrtime.bigint() - start) / (repeats * messages));
    }
  }
  return best;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}

function report(what: string, json: number, binary: number, unit: string): void {
  const figures = [json, binary].map((value) => value.toFixed(value < 100 ? 1 : 0).padStart(9));
  console.log(what.padEnd(40), ...figures, unit.padEnd(6), `${(binary / json).toFixed(2)}×`.padStart(7));
}

/** Rows of one kind of payload; the hub's one buffer for writing and its memory of keys are used throughout. */
function measure({ name, contentType, payload }: Case): void {
  const scratch = new ByteWriter();
  const texts = new ShortTexts();
  const messages = Array.from(
    { length: 64 },
    (_, i): MessageItem => ({
      kind: 'message',
      exchange: 'amq.topic',
      key: `plant.line${i % 4}.sensor${i % 16}.pressure`,
      payload: payload(i),
      contentType,
      log: 'v',
      offset: 1_000_000 + i,
      timeMs: 1_700_000_000_000 + i,
    }),
  );
  const row = (what: string, json: number, binary: number, unit = 'ns') =>
    report(`${name.padEnd(12)} ${what}`, json, binary, unit);

  const lines = messages.map(encodeMessageItem);
  const items = messages.map((m) => encodeMessageItemBinary(m, scratch));
  row(
    'item',
    sum(lines, (line) => Buffer.byteLength(line)) / 64,
    sum(items, (item) => item.length) / 64,
    'bytes',
  );

  const encodeJson = () => sum(messages, (m) => encodeMessageItem(m).length);
  row(
    'encode item',
    ...compare(64, encodeJson, () => sum(messages, (m) => encodeMessageItemBinary(m, scratch).length)),
  );
  const intoArena = () => {
    scratch.reset();
    for (const m of messages) writeMessageItem(scratch, m);
    return scratch.length;
  };
  row('encode item into a shared buffer', ...compare(64, encodeJson, intoArena));

  for (const count of [1, 8, 64]) {
    const batchLines = lines.slice(0, count);
    const batchItems = items.slice(0, count);
    const json = () => {
      let text = batchLines[0]!;
      for (let i = 1; i < count; i++) text += `,${batchLines[i]}`;
      return Buffer.from(encodeDeliver(7, 1_000, text, NO_NOTES)).length;
    };
    const binary = () => {
      scratch.reset();
      const start = beginDeliver(scratch, 7, 1_000, count, NO_NOTES);
      for (const item of batchItems) scratch.raw(item);
      scratch.end(start);
      return scratch.slice().length;
    };
    row(`batch of ${count}`, ...compare(count, json, binary));
  }

  for (const count of [1, 8, 64]) {
    const text = lines.slice(0, count).join(',');
    const shared = Buffer.concat(items.slice(0, count));
    const json = () => {
      let bytes = 0;
      for (let i = 0; i < SESSIONS; i++)
        bytes += Buffer.from(encodeDeliver(i, 1_000 + i, text, NO_NOTES)).length;
      return bytes;
    };
    scratch.reset();
    writeDeliver(scratch, 1, 1, count, shared, NO_NOTES);
    const copied = () => {
      let bytes = 0;
      for (let i = 0; i < SESSIONS; i++) {
        const frame = scratch.slice();
        patchDeliver(frame, i, 1_000 + i);
        bytes += frame.length;
      }
      return bytes;
    };
    const frame = scratch.subarray();
    const patched = () => {
      for (let i = 0; i < SESSIONS; i++) patchDeliver(frame, i, 1_000 + i);
      return frame.length;
    };
    row(`shared, of ${count}, copied`, ...compare(count * SESSIONS, json, copied));
    row(`shared, of ${count}, patched`, ...compare(count * SESSIONS, json, patched));
  }

  const jsonBatch = Buffer.from(encodeDeliver(7, 1_000, lines.join(','), NO_NOTES));
  scratch.reset();
  writeDeliver(scratch, 7, 1_000, 64, Buffer.concat(items), NO_NOTES);
  const binaryBatch = scratch.slice();
  row('batch of 64', jsonBatch.length, binaryBatch.length, 'bytes');
  row(
    'decode batch of 64, client',
    ...compare(
      64,
      () => decodeServerMessage(jsonBatch.toString())!.length,
      () => decodeServerMessageBinary(binaryBatch, texts)!.length,
    ),
  );

  const publishes = messages.map(
    ({ exchange, key, payload }, i): Publish => ({
      type: 'publish',
      seq: i + 1,
      exchange,
      key,
      payload,
      properties: { contentType },
    }),
  );
  const publishLines = publishes.map((publish) => Buffer.from(encodeClientFrame(publish)));
  const publishFrames = publishes.map((publish) => {
    scratch.reset();
    writeClientFrame(scratch, publish);
    return scratch.slice();
  });
  row(
    'publish',
    sum(publishLines, (line) => line.length) / 64,
    sum(publishFrames, (frame) => frame.length) / 64,
    'bytes',
  );
  row(
    'encode publish, client',
    ...compare(
      64,
      () => sum(publishes, (publish) => encodeClientFrame(publish).length),
      () =>
        sum(publishes, (publish) => {
          scratch.reset();
          writeClientFrame(scratch, publish);
          return scratch.length;
        }),
    ),
  );
  row(
    'decode publish, hub, one a message',
    ...compare(
      64,
      () => sum(publishLines, (line) => decodeClientMessage(line.toString(), texts).length),
      () => sum(publishFrames, (frame) => decodeClientMessageBinary(frame, texts).length),
    ),
  );
  const publishText = Buffer.from(publishLines.join('\n'));
  const publishBytes = new Uint8Array(Buffer.concat(publishFrames));
  row(
    'decode publish, hub, 64 a message',
    ...compare(
      64,
      () => decodeClientMessage(publishText.toString(), texts).length,
      () => decodeClientMessageBinary(publishBytes, texts).length,
    ),
  );
}

console.log(`node ${process.version}, ${process.arch}; per message, best of ${ROUNDS} rounds\n`);
console.log(' '.repeat(40), '     JSON', '   binary', '      ', 'binary / JSON');
for (const kind of CASES) {
  measure(kind);
  console.log();
}
if (sink === 0) throw new Error('nothing was measured');
