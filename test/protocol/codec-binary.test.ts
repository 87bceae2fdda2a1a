import {
  ByteWriter,
  type ClientFrame,
  decodeClientMessageBinary,
  decodeServerMessageBinary,
  encodeMessageItemBinary,
  patchDeliver,
  patchPublish,
  type ServerFrame,
  ShortTexts,
  SUBPROTOCOL_BINARY,
  writeDeliver,
} from '@ringhub/protocol';
import { describe, expect, test } from 'vitest';
import {
  clientFrameBytes,
  hubFrameBytes,
  joined,
  readBinaryAsClient,
  readBinaryAsHub,
} from './binary-checks.ts';
import {
  binaryClientVectors,
  binaryHubVectors,
  fromHex,
  hostileBinaryClient,
  hostileBinaryHub,
} from './binary-vectors.ts';
import { leavingPrototypesAlone } from './decode-checks.ts';
import { clientVectors, hubVectors } from './frame-vectors.ts';

const BAD_FRAME = { type: 'invalid', error: 'bad-frame', fatal: true };
const PING = fromHex('02 00000000');

test('the subprotocol has a name of its own', () => {
  expect(SUBPROTOCOL_BINARY).toBe('ringhub.v1.bin');
});

describe('client frames', () => {
  test.each(binaryClientVectors)('$name', ({ bytes, frame, canonical }) => {
    expect(decodeClientMessageBinary(bytes)).toEqual([frame]);
    expect(decodeClientMessageBinary(clientFrameBytes(frame))).toEqual([frame]);
    if (canonical) expect(hex(clientFrameBytes(frame))).toBe(hex(bytes));
  });

  test('every frame of the JSON vectors has its bytes', () => {
    for (const { frame } of clientVectors)
      expect(binaryClientVectors.map((v) => v.frame)).toContainEqual(frame);
  });
});

describe('hub frames', () => {
  test.each(binaryHubVectors)('$name', ({ bytes, frame, canonical }) => {
    expect(decodeServerMessageBinary(bytes)).toEqual([frame]);
    expect(decodeServerMessageBinary(hubFrameBytes(frame))).toEqual([frame]);
    if (canonical) expect(hex(hubFrameBytes(frame))).toBe(hex(bytes));
  });

  test('every frame of the JSON vectors has its bytes', () => {
    for (const { frame } of hubVectors) expect(binaryHubVectors.map((v) => v.frame)).toContainEqual(frame);
  });

  test('frames of a later version are passed over', () => {
    const later = fromHex('c8 00000003 010203');
    expect(decodeServerMessageBinary(later)).toEqual([]);
    expect(decodeServerMessageBinary(joined(PING, later, PING))).toHaveLength(2);
    expect(decodeServerMessageBinary(fromHex('01 00000009 5b226c61746572225d'))).toEqual([]);
  });
});

/** Worked out with pencil and paper from the tables of PROTOCOL §19, not by a program. */
describe('by hand', () => {
  /** Hexadecimal with ASCII between single quotes; `;` begins a remark. */
  const noted = (text: string) =>
    fromHex(text.replace(/'(.*?)'/g, (_, ascii: string) => hex(Buffer.from(ascii))).replace(/;.*$/gm, ''));

  test('publish', () => {
    const bytes = noted(`
      04 0000001d      ; publish, 29 bytes follow
      0000000000000007 ; seq
      19               ; flags: text 01, contentType 08, ttlMs 10
      09 'amq.topic'
      03 'a.b'
      02 'hi'
      03               ; application/json
      ac02             ; ttlMs 300 = 44 + 2 × 128`);
    const properties = { contentType: 'application/json', ttlMs: 300 };
    const [exchange, key, payload] = ['amq.topic', 'a.b', 'hi'];
    const frame = { type: 'publish', seq: 7, exchange, key, payload, properties } as const;
    expect(decodeClientMessageBinary(bytes)).toEqual([frame]);
    expect(hex(clientFrameBytes(frame))).toBe(hex(bytes));
  });

  test('ack', () => {
    const bytes = noted(`
      05 0000000c ; ack, 12 bytes follow
      07          ; queue
      8001        ; up to 128
      02          ; two ranges
      8201 8201   ; 130 to 130
      8401 8501   ; 132 to 133`);
    const frame: ClientFrame = {
      type: 'ack',
      queue: 7,
      upTo: 128,
      ranges: [
        [130, 130],
        [132, 133],
      ],
    };
    expect(decodeClientMessageBinary(bytes)).toEqual([frame]);
    expect(hex(clientFrameBytes(frame))).toBe(hex(bytes));
  });

  test('deliver', () => {
    const bytes = noted(`
      06 00000069       ; deliver, 105 bytes follow
      0000000000000005  ; queue
      0000000000000029  ; first tag 41
      01 00 01 04       ; one note: item 0 replaced 4 others
      02                ; two items
      01 00000018       ; a message, 24 bytes follow
      44                ; flags: id 04, log d 40; the payload is bytes
      80808080808010    ; offset 2^46 = 16 × 128^6
      ac02              ; timeMs 300
      01 'x' 00         ; exchange "x", key ""
      02 ffd8           ; payload
      00 03 'a/b'       ; content type
      02 'id'
      02 00000032       ; JSON, 50 bytes follow
      '{"snapshotEnd":{"cursor":"v:a:0","complete":true}}'`);
    const message = {
      kind: 'message',
      exchange: 'x',
      key: '',
      payload: Uint8Array.of(0xff, 0xd8),
      contentType: 'a/b',
      log: 'd',
      offset: 2 ** 46,
      timeMs: 300,
      id: 'id',
    } as const;
    const end = { kind: 'snapshot-end', cursor: 'v:a:0', complete: true } as const;
    const notes = [[0, { replaced: 4 }]] as const;
    const frame: ServerFrame = { type: 'deliver', queue: 5, firstTag: 41, items: [message, end], notes };
    expect(decodeServerMessageBinary(bytes)).toEqual([frame]);
    expect(hex(hubFrameBytes(frame))).toBe(hex(bytes));
  });
});

describe('hostile messages', () => {
  test.each(hostileBinaryClient)('to the hub: $name', ({ bytes, error, fatal, ref, seq, field }) => {
    const optional = {
      ...(ref === undefined ? {} : { ref }),
      ...(seq === undefined ? {} : { seq }),
      ...(field === undefined ? {} : { detail: { field } }),
    };
    leavingPrototypesAlone(() => {
      const read = readBinaryAsHub(bytes);
      expect(read.at(-1)).toEqual({ type: 'invalid', error, fatal, ...optional });
      for (const frame of read.slice(0, -1)) expect(frame).toEqual({ type: 'ping' });
    });
  });

  test.each(hostileBinaryHub)('to a client: $name', ({ bytes }) => {
    leavingPrototypesAlone(() => expect(readBinaryAsClient(bytes)).toBeUndefined());
  });
});

describe('byte by byte', () => {
  const isShort = ({ bytes }: { readonly bytes: Uint8Array }) => bytes.length <= 1_000;

  test.each(binaryClientVectors)('to the hub, cut off: $name', ({ bytes }) => {
    for (let at = 0; at < Math.min(bytes.length, 2_000); at++) {
      expect(readBinaryAsHub(bytes.subarray(0, at))).toEqual([BAD_FRAME]);
    }
  });

  test.each(binaryHubVectors)('to a client, cut off: $name', ({ bytes }) => {
    for (let at = 0; at < bytes.length; at++) {
      expect(readBinaryAsClient(bytes.subarray(0, at))).toBeUndefined();
    }
  });

  const cases = [
    ...[...binaryClientVectors, ...hostileBinaryClient].map((v) => ({
      ...v,
      read: readBinaryAsHub,
      to: 'hub',
    })),
    ...[...binaryHubVectors, ...hostileBinaryHub].map((v) => ({
      ...v,
      read: readBinaryAsClient,
      to: 'client',
    })),
  ].filter(isShort);
  const MUTANTS = [0, 1, 2, 4, 0x7f, 0x80, 0xc0, 0xff];

  test.each(cases)('to the $to, each byte changed, left out, doubled: $name', ({ bytes, read }) => {
    leavingPrototypesAlone(() => {
      for (let at = 0; at < bytes.length; at++) {
        const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
        const byte = bytes[at]!;
        read(joined(before, behind));
        read(joined(before, bytes.subarray(at, at + 1), bytes.subarray(at)));
        for (const mutant of [...MUTANTS, byte ^ 1, byte ^ 0x80, byte + 1, byte - 1]) {
          read(joined(before, Uint8Array.of(mutant), behind));
        }
      }
    });
  });
});

describe('messages of several frames', () => {
  const toHub = binaryClientVectors.map(({ bytes }) => bytes);
  const toClient = binaryHubVectors.map(({ bytes }) => bytes);

  test('each frame follows the other', () => {
    expect(decodeClientMessageBinary(joined(...toHub))).toEqual(binaryClientVectors.map((v) => v.frame));
    expect(decodeServerMessageBinary(joined(...toClient))).toEqual(binaryHubVectors.map((v) => v.frame));
  });

  test('a JSON frame may hold several lines', () => {
    const lines = Buffer.from('["ping"]\n["pong"]');
    const bytes = joined(Uint8Array.of(1, 0, 0, 0, lines.length), lines, PING);
    const frames = [{ type: 'ping' }, { type: 'pong' }, { type: 'ping' }];
    expect(decodeClientMessageBinary(bytes)).toEqual(frames);
    expect(decodeServerMessageBinary(bytes)).toEqual(frames);
  });

  test('a fault of one command costs the others nothing; a fatal one ends the reading', () => {
    const ping = { type: 'ping' };
    const command = fromHex('05 00000005 0100010504');
    const fatal = fromHex('63 00000000');
    expect(decodeClientMessageBinary(joined(PING, command, PING))).toMatchObject([
      ping,
      { error: 'bad-argument' },
      ping,
    ]);
    expect(decodeClientMessageBinary(joined(PING, fatal, PING))).toEqual([ping, BAD_FRAME]);
  });
});

describe('memory', () => {
  const publish: ClientFrame = {
    type: 'publish',
    seq: 1,
    exchange: 'amq.topic',
    key: 'k',
    payload: Uint8Array.of(1, 2, 3),
    properties: { contentType: 'application/octet-stream' },
  };

  test('what was read shares none with the message, nor keeps it alive; a Buffer is read like any bytes', () => {
    const padded = joined(new Uint8Array(100), clientFrameBytes(publish), new Uint8Array(100));
    for (const message of [
      padded.subarray(100, -100),
      Buffer.from(padded.buffer, 100, padded.length - 200),
    ]) {
      const [frame] = decodeClientMessageBinary(message);
      const { payload } = frame as typeof publish;
      expect(payload).toEqual(publish.payload);
      expect(Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
      expect((payload as Uint8Array).buffer.byteLength).toBe(3);
    }
    const item = {
      kind: 'message',
      exchange: 'x',
      key: 'k',
      payload: Uint8Array.of(9),
      contentType: '',
      log: 'v',
      offset: 1,
      timeMs: 1,
    } as const;
    const message = Buffer.from(
      hubFrameBytes({ type: 'deliver', queue: 1, firstTag: 1, items: [item], notes: [] }),
    );
    const read = decodeServerMessageBinary(message);
    message.fill(0);
    expect(read).toEqual([{ type: 'deliver', queue: 1, firstTag: 1, items: [item], notes: [] }]);
    expect(
      Object.getPrototypeOf((read as unknown as [{ items: [{ payload: object }] }])[0].items[0].payload),
    ).toBe(Uint8Array.prototype);
  });

  test('a writer keeps what it wrote while it grows, and nothing of it after a reset', () => {
    const writer = new ByteWriter();
    const text = 'é€😀x'.repeat(1_000);
    for (let i = 0; i < 200; i++) writer.text(text.slice(0, i * 5));
    const first = writer.slice();
    writer.reset();
    for (let i = 0; i < 200; i++) writer.text(text.slice(0, i * 5));
    expect(hex(writer.subarray())).toBe(hex(first));
    writer.reset();
    writer.raw(new Uint8Array(1024 * 1024));
    expect(writer.subarray().buffer.byteLength).toBeGreaterThan(1024 * 1024 - 1);
    writer.reset();
    expect(writer.subarray().buffer.byteLength).toBeLessThan(1024);
  });
});

describe('shared bytes', () => {
  const items = [1, 2].map((offset) => ({
    kind: 'message' as const,
    exchange: 'amq.topic',
    key: 'a.b',
    payload: `m${offset}`,
    contentType: 'text/plain',
    log: 'v' as const,
    offset,
    timeMs: 1_700_000_000_000,
  }));
  const scratch = new ByteWriter();
  const encoded = items.map((item) => encodeMessageItemBinary(item, scratch));

  test('a batch of items encoded before is the batch encoded as one', () => {
    const frame: ServerFrame = {
      type: 'deliver',
      queue: 5,
      firstTag: 3,
      items,
      notes: [[1, { replaced: 2 }]],
    };
    const writer = new ByteWriter();
    writeDeliver(writer, 5, 3, 2, joined(...encoded), frame.notes);
    expect(hex(writer.slice())).toBe(hex(hubFrameBytes(frame)));
  });

  test('a batch is given another queue and tag, wherever it stands', () => {
    const writer = new ByteWriter();
    writer.raw(PING);
    writeDeliver(writer, 1, 1, 2, joined(...encoded), []);
    for (const [queue, firstTag] of [
      [7, 9_007_199_254_740_991],
      [9_007_199_254_740_991, 0],
      [4_294_967_296, 4_294_967_295],
    ] as const) {
      patchDeliver(writer.subarray(), queue, firstTag, PING.length);
      expect(decodeServerMessageBinary(writer.subarray())).toEqual([
        { type: 'ping' },
        { type: 'deliver', queue, firstTag, items, notes: [] },
      ]);
    }
  });

  test('a publish is given its number late', () => {
    const vector = binaryClientVectors.find(({ name }) => name === 'publish with every property')!;
    const bytes = vector.bytes.slice();
    patchPublish(bytes, 9_007_199_254_740_990);
    expect(decodeClientMessageBinary(bytes)).toEqual([{ ...vector.frame, seq: 9_007_199_254_740_990 }]);
  });
});

describe('texts read lately', () => {
  test('are the same string again, and never another one', () => {
    const texts = new ShortTexts();
    const read = (text: string) => {
      const bytes = new TextEncoder().encode(`<${text}>`);
      return texts.read(bytes, 1, bytes.length - 2);
    };
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5_000; i++) expect(read(`key.${i}`)).toBe(`key.${i}`);
    }
    for (const text of ['', 'a', '\0', '\0\0', 'x'.repeat(48)]) expect(read(text)).toBe(text);
    for (const text of ['é', 'x'.repeat(49)]) expect(read(text)).toBeUndefined();
  });
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
