/** What one message may bring of names, in both codecs: the edges, and what is not counted. */
import {
  ByteWriter,
  type ClientFrame,
  decodeClientMessage,
  decodeClientMessageBinary,
  encodeClientFrame,
  FRAME,
  FREE_NAMES,
  type Headers,
  MAX_NEW_NAMES,
  MAX_OBJECT_NAMES,
  type Publish,
  writeClientFrame,
} from '@ringhub/protocol';
import { describe, expect, test } from 'vitest';

const publish = (headers: Headers): Publish => ({
  type: 'publish',
  seq: 1,
  exchange: 'x',
  key: 'k',
  payload: 'of some length, as a frame that is text for the most part is read in another way',
  properties: { contentType: 'text/plain', headers },
});

/** As `contentType` of the others is a name, too, in JSON. */
const short = (headers: Headers): string => `["publish",1,"x","k","",{"headers":${JSON.stringify(headers)}}]`;

const ping = { type: 'ping' } as const;

const binary = (frames: readonly ClientFrame[], json: readonly string[] = []): Uint8Array => {
  const writer = new ByteWriter();
  for (const frame of frames) writeClientFrame(writer, frame);
  for (const text of json) {
    const start = writer.begin(FRAME.json);
    writer.utf8(text);
    writer.end(start);
  }
  return writer.slice();
};

const named = (from: number, count: number): Headers =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${from + i}`, i]));

/** Publishes of 4 headers each, no name twice. */
const fresh = (names: number): Headers[] => Array.from({ length: names / 4 }, (_, i) => named(i * 4, 4));

/** How many frames are refused, each as a fault of its own. */
const refused = (frames: readonly { readonly type: string }[]): number => {
  const wrong = frames.filter(({ type }) => type === 'invalid');
  const field = expect.stringMatching(/^publish\.(properties|headers)$/);
  for (const fault of wrong) expect(fault).toMatchObject({ fatal: false, seq: 1, detail: { field } });
  return wrong.length;
};

const ALL = FREE_NAMES + MAX_NEW_NAMES;

describe('the names of a message', () => {
  test(`may be ${ALL} that differ, in binary; what is behind is refused, and the session goes on`, () => {
    expect(refused(decodeClientMessageBinary(binary(fresh(ALL).map(publish))))).toBe(0);
    const frames = decodeClientMessageBinary(binary([...fresh(ALL + 4).map(publish), ping]));
    expect(frames.map(({ type }) => type === 'invalid').indexOf(true)).toBe(ALL / 4);
    expect(refused(frames)).toBe(1);
    expect(frames.at(-1)).toEqual(ping);
  });

  test('are counted with those of the frames, in JSON', () => {
    // `headers`, and 2 of its own; behind the free ones `headers` alone is a row of one name, met once.
    const lines = (count: number): string =>
      Array.from({ length: count }, (_, i) => short(named(i * 2, 2))).join('\n');
    const fits = Math.ceil(FREE_NAMES / 3) + Math.floor((MAX_NEW_NAMES - 1) / 2);
    expect(refused(decodeClientMessage(lines(fits)))).toBe(0);
    const frames = decodeClientMessage(`${lines(fits + 1)}\n["ping"]`);
    expect(refused(frames)).toBe(1);
    expect(frames.at(-1)).toEqual(ping);
  });

  test('of long frames are asked in the same way', () => {
    const lines = (names: number): string =>
      fresh(names)
        .map((headers) => encodeClientFrame(publish(headers)))
        .join('\n');
    // `contentType`, `headers` and 4 of its own, all of which make the row.
    const free = Math.ceil(FREE_NAMES / 6);
    const fits = free + Math.floor(MAX_NEW_NAMES / 6);
    expect(decodeClientMessage(lines(fits * 4)).every(({ type }) => type === 'publish')).toBe(true);
    const frames = decodeClientMessage(`${lines(fits * 4 + 4)}\n["ping"]`);
    expect(frames.filter(({ type }) => type === 'invalid')).toHaveLength(1);
    expect(frames.at(-1)).toEqual({ type: 'ping' });
  });

  test('may be any number where they repeat a row', () => {
    const headers = { tenant: 'a', trace: 'b', attempt: 1 };
    const frames = Array.from({ length: 1_000 }, () => publish(headers));
    expect(refused(decodeClientMessageBinary(binary(frames)))).toBe(0);
    expect(refused(decodeClientMessage(frames.map(encodeClientFrame).join('\n')))).toBe(0);
    expect(refused(decodeClientMessage(frames.map(() => short(headers)).join('\n')))).toBe(0);
  });

  test('are no row met before in another order', () => {
    const [a, b] = ['a', 'b'].map((name) => `${name}${'x'.repeat(10)}`) as [string, string];
    const used = fresh(FREE_NAMES + MAX_NEW_NAMES - 4).map(publish);
    const rows = [{ [a]: 1, [b]: 1 }, { [b]: 1, [a]: 1 }, { [a]: 2, [b]: 2 }, { [a]: 1 }].map(publish);
    // Four left: two, the same turned, again the first; one more is beyond them, and so is what had been met.
    expect(refused(decodeClientMessageBinary(binary([...used, ...rows, publish({ [a]: 3, [b]: 3 })])))).toBe(
      2,
    );
  });

  test('are counted through all frames of JSON in a binary message', () => {
    const lines = Array.from({ length: ALL / 2 }, (_, i) => short(named(i * 3, 3)));
    expect(refused(decodeClientMessageBinary(binary([], lines)))).toBeGreaterThan(0);
  });

  test('within an inlined value are none', () => {
    const json = `{${Array.from({ length: 5_000 }, (_, i) => `"n${i}":1`)}}`;
    const [frame] = decodeClientMessage(`["publish",1,"x","k",{"json":${json}}]`);
    expect(frame).toMatchObject({ type: 'publish', payload: json });
  });

  test(`of one object are ${MAX_OBJECT_NAMES} at most`, () => {
    const history = (names: number): string =>
      `["history",1,{"bindings":[["x","k"]],"before":null${Array.from({ length: names - 2 }, (_, i) => `,"n${i}":1`).join('')}}]`;
    expect(decodeClientMessage(history(MAX_OBJECT_NAMES))).toMatchObject([{ type: 'history' }]);
    const [wrong] = decodeClientMessage(history(MAX_OBJECT_NAMES + 1));
    expect(wrong).toMatchObject({
      error: 'bad-argument',
      fatal: false,
      ref: 1,
      detail: { field: 'history.options' },
    });
  });
});
