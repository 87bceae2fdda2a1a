import {
  type ClientFrame,
  decodeClientMessage,
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
import { describe, expect, test } from 'vitest';
import { triesAll } from '../cases.ts';
import { leavingPrototypesAlone, readAsClient, readAsHub } from './decode-checks.ts';
import { clientVectors, hostileClientVectors, hostileHubVectors, hubVectors } from './frame-vectors.ts';

function encodeItem(item: Item): string {
  switch (item.kind) {
    case 'message':
      return encodeMessageItem(item);
    case 'gap':
      return encodeGapItem(item.gap);
    case 'snapshot-end':
      return encodeSnapshotEndItem(item.cursor, item.complete);
  }
}

const encodeHubFrame = (frame: ServerFrame): string =>
  frame.type === 'deliver'
    ? encodeDeliver(frame.queue, frame.firstTag, frame.items.map(encodeItem).join(','), frame.notes)
    : encodeServerFrame(frame);

describe('client frames', () => {
  test.each(clientVectors)('$name', ({ line, frame, canonical }) => {
    expect(decodeClientMessage(line)).toEqual([frame]);
    expect(decodeClientMessage(encodeClientFrame(frame))).toEqual([frame]);
    if (canonical) expect(JSON.parse(encodeClientFrame(frame))).toEqual(JSON.parse(line));
  });

  test('every type has a vector', () => {
    const types = [...new Set(clientVectors.map(({ frame }) => frame.type))].sort();
    const all = {
      ack: 0,
      auth: 0,
      bind: 0,
      bye: 0,
      consume: 0,
      credit: 0,
      declare: 0,
      declareQueue: 0,
      delete: 0,
      deleteQueue: 0,
      hello: 0,
      history: 0,
      inspect: 0,
      list: 0,
      nack: 0,
      ping: 0,
      pong: 0,
      publish: 0,
      purge: 0,
      reject: 0,
      stats: 0,
      subscribe: 0,
      unbind: 0,
      unsubscribe: 0,
    } satisfies Record<ClientFrame['type'], 0>;
    expect(types).toEqual(Object.keys(all));
  });
});

describe('hub frames', () => {
  test.each(hubVectors)('$name', ({ line, frame, canonical }) => {
    expect(decodeServerMessage(line)).toEqual([frame]);
    expect(decodeServerMessage(encodeHubFrame(frame))).toEqual([frame]);
    if (canonical) expect(encodeHubFrame(frame)).toBe(line);
  });

  test('every type has a vector', () => {
    const types = [...new Set(hubVectors.map(({ frame }) => frame.type))].sort();
    const all = {
      confirm: 0,
      deliver: 0,
      drain: 0,
      error: 0,
      mark: 0,
      ok: 0,
      ping: 0,
      pong: 0,
      refused: 0,
      welcome: 0,
    } satisfies Record<ServerFrame['type'], 0>;
    expect(types).toEqual(Object.keys(all));
  });

  test('frames of a later version are passed over', () => {
    expect(decodeServerMessage('["later",{"x":1}]')).toEqual([]);
    expect(decodeServerMessage('["ping"]\n["later"]\n["pong"]')).toEqual([
      { type: 'ping' },
      { type: 'pong' },
    ]);
  });

  test('what a publisher sends cannot leave its place in a batch', () => {
    const hostile = '"],[]]\n["bye"]\u2028\u0000\\';
    const item = {
      kind: 'message',
      exchange: hostile,
      key: hostile,
      payload: hostile,
      contentType: hostile,
      log: 'v',
      offset: 1,
      timeMs: 1,
      id: hostile,
      headers: { [hostile]: hostile },
    } as const;
    const line = encodeDeliver(1, 1, encodeItem(item), []);
    expect(line).not.toContain('\n');
    expect(decodeServerMessage(line)).toEqual([
      { type: 'deliver', queue: 1, firstTag: 1, items: [item], notes: [] },
    ]);
  });
});

describe('hostile lines', () => {
  test.each(hostileClientVectors)('to the hub: $name', ({ line, error, fatal, ref, seq, field }) => {
    const expected = { type: 'invalid', error, fatal };
    const optional = {
      ...(ref === undefined ? {} : { ref }),
      ...(seq === undefined ? {} : { seq }),
      ...(field === undefined ? {} : { detail: { field } }),
    };
    leavingPrototypesAlone(() => expect(readAsHub(line)).toEqual([{ ...expected, ...optional }]));
  });

  test.each(hostileHubVectors)('to a client: $name', ({ line }) => {
    leavingPrototypesAlone(() => expect(readAsClient(line)).toBeUndefined());
  });

  test('a deep value costs a client no more than its frame', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(readAsClient(deep)).toBeUndefined();
    expect(readAsClient(`["deliver",1,1,[${deep}]]`)).toBeUndefined();
    expect(readAsClient(`["error",1,4300,${deep}]`)).toEqual([
      { type: 'error', ref: 1, code: 4300, text: '' },
    ]);
  });
});

describe('messages of several frames', () => {
  const lines = clientVectors.map(({ line }) => line);
  const frames = clientVectors.map(({ frame }) => frame);

  test('each line is a frame; every split at a line break gives the same', () => {
    expect(decodeClientMessage(lines.join('\n'))).toEqual(frames);
    for (let at = 1; at < lines.length; at++) {
      const parts = [lines.slice(0, at), lines.slice(at)];
      expect(parts.flatMap((part) => decodeClientMessage(part.join('\n')))).toEqual(frames);
    }
    const hubLines = hubVectors.map(({ line }) => line);
    const hubFrames = hubVectors.map(({ frame }) => frame);
    expect(decodeServerMessage(hubLines.join('\n'))).toEqual(hubFrames);
    for (let at = 1; at < hubLines.length; at++) {
      const parts = [hubLines.slice(0, at), hubLines.slice(at)];
      expect(parts.flatMap((part) => decodeServerMessage(part.join('\n')))).toEqual(hubFrames);
    }
  });

  test('a line break at the end, or several, is no frame; a message of nothing is a fault', () => {
    expect(decodeClientMessage('["ping"]\n')).toEqual([{ type: 'ping' }]);
    expect(decodeClientMessage('["ping"]\n\n["pong"]\n\n')).toEqual([{ type: 'ping' }, { type: 'pong' }]);
    for (const message of ['', '\n', '\n["ping"]']) {
      expect(decodeClientMessage(message)).toEqual([{ type: 'invalid', error: 'bad-frame', fatal: true }]);
    }
  });

  test('a fault of one command costs the others nothing; a fatal one ends the reading', () => {
    const ping = { type: 'ping' };
    const [command, fatal] = ['["credit",5,7]', '["nope"]'];
    expect(decodeClientMessage(`["ping"]\n${command}\n["ping"]`)).toMatchObject([ping, { ref: 5 }, ping]);
    expect(decodeClientMessage(`["ping"]\n${fatal}\n["ping"]`)).toMatchObject([ping, { fatal: true }]);
  });
});

describe('character by character', () => {
  const short = (line: string) => line.length <= 1_000;
  const cases = [
    ...clientVectors.map(({ name, line }) => ({ name: `to the hub: ${name}`, line, read: readAsHub })),
    ...hostileClientVectors.map(({ name, line }) => ({ name: `to the hub: ${name}`, line, read: readAsHub })),
    ...hubVectors.map(({ name, line }) => ({ name: `to a client: ${name}`, line, read: readAsClient })),
    ...hostileHubVectors.map(({ name, line }) => ({
      name: `to a client: ${name}`,
      line,
      read: readAsClient,
    })),
  ].filter(({ line }) => short(line));
  const MUTANTS = ['"', ',', '[', ']', '{', '}', '0', '-', 'e', '\\', '\n', '\ud800', '#'];

  /** At each place some of the mutants, at the next place the next ones; all of them with RINGHUB_CASES. */
  const mutantsAt = (at: number): readonly string[] =>
    triesAll ? MUTANTS : [0, 1, 2].map((i) => MUTANTS[(3 * at + i) % MUTANTS.length]!);

  test.each(cases)('$name', ({ line, read }) => {
    leavingPrototypesAlone(() => {
      for (let at = 0; at <= line.length; at++) {
        read(line.slice(0, at));
        read(line.slice(0, at) + line.slice(at + 1));
        for (const mutant of mutantsAt(at)) read(line.slice(0, at) + mutant + line.slice(at + 1));
      }
    });
  });
});
