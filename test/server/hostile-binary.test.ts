/**
 * Hostile binary messages through real sockets: each ends its own connection with a code of the table, or costs its
 * command; a neighbour on the same hub notices nothing. The seed is printed; RINGHUB_HOSTILE_SEED repeats a run.
 */
import {
  ByteWriter,
  decodeServerMessageBinary,
  ERRORS,
  type ServerFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
  WEBSOCKET_PATH,
  writeClientFrame,
} from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { seededRandom } from './support/seeded-random.ts';
import { BINARY_WIRE, type RawFrame } from './support/wire-codec.ts';

const SEED = Number(process.env.RINGHUB_HOSTILE_SEED ?? Math.floor(Math.random() * 1e9));
const MUTANTS = 150;
const CODES = new Set(Object.values(ERRORS).map(({ code }) => code));

/** A client by hand; `told` resolves with the frame of a type, or with the code the hub closes with. */
class Client {
  readonly frames: ServerFrame[] = [];
  closeCode: number | undefined;
  private wake = (): void => {};

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, isBinary) => {
      expect(isBinary).toBe(true);
      const frames = decodeServerMessageBinary(data);
      if (!frames) throw new Error(`the hub wrote no frame: ${data.toString('hex')}`);
      this.frames.push(...frames);
      this.wake();
    });
    ws.on('close', (code) => {
      this.closeCode = code;
      this.wake();
    });
    ws.on('error', () => {});
  }

  static async open(hub: RunningHub): Promise<Client> {
    const url = `ws://127.0.0.1:${hub.port}${WEBSOCKET_PATH}`;
    const client = new Client(new WebSocket(url, SUBPROTOCOL_BINARY));
    await new Promise((resolve) => client.ws.once('open', resolve));
    client.say(['hello', { version: 1, token: hub.token }]);
    expect(await client.told('welcome')).toBe('welcome');
    return client;
  }

  say(...frames: RawFrame[]): void {
    this.ws.send(BINARY_WIRE.message(frames));
  }

  async told(type: ServerFrame['type']): Promise<string | number> {
    for (;;) {
      if (this.frames.some((frame) => frame.type === type)) return type;
      if (this.closeCode !== undefined) return this.closeCode;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Whether the connection still works; else the code it was closed with. */
  async alive(): Promise<string | number> {
    this.frames.length = 0;
    this.say(['ping']);
    return this.told('pong');
  }
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

let hub: RunningHub;
afterEach(async () => hub.close());

describe.each(transportsHere)('over %s', (transport) => {
  it.each([
    ['an empty message', hex('')],
    ['half a head', hex('04 0000')],
    ['an unknown kind', hex('63 00000000')],
    ['a frame of the hub', hex('06 00000000')],
    ['a length beyond the message', hex('02 00000005 00')],
    ['a length of 4 GiB', hex('04 ffffffff 00')],
    ['a number over 2^53', hex('04 00000009 0020000000000000 00')],
    ['a number longer than needed', hex('05 00000004 8000 00 00')],
    ['more ranges than there are bytes', hex('05 00000006 01 00 ffffff7f')],
    ['a header of unknown kind', hex('04 00000011 0000000000000001 03 01 78 01 6b 00 01 01 61 09')],
    ['a publish without a number', hex('04 0000000e 0000000000000000 01 01 78 01 6b 00')],
    ['text that is no frame', hex('01 00000001 78')],
    ['text that is not UTF-8', hex('01 00000004 5b ff 22 5d')],
  ])('%s closes with bad-frame', async (_, bytes) => {
    hub = await startHub({ transport });
    const [neighbour, client] = [await Client.open(hub), await Client.open(hub)];
    client.ws.send(bytes);
    expect(await client.told('drain')).toBe(ERRORS['bad-frame'].code);
    expect(await neighbour.alive()).toBe('pong');
  });

  it('a message of the other kind closes with bad-frame, in either codec', async () => {
    hub = await startHub({ transport });
    const neighbour = await Client.open(hub);
    const binary = await Client.open(hub);
    binary.ws.send('["ping"]');
    expect(await binary.told('drain')).toBe(ERRORS['bad-frame'].code);
    const json = new WebSocket(`ws://127.0.0.1:${hub.port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON);
    await new Promise((resolve) => json.once('open', resolve));
    const closed = new Promise((resolve) => json.once('close', resolve));
    json.send(BINARY_WIRE.message([['ping']]));
    expect(await closed).toBe(ERRORS['bad-frame'].code);
    expect(await neighbour.alive()).toBe('pong');
  });

  it('a key that is not UTF-8 costs its command only', async () => {
    hub = await startHub({ transport });
    const client = await Client.open(hub);
    client.ws.send(hex('04 00000017 0000000000000001 01 09 616d712e746f706963 01 ff 01 78'));
    expect(await client.told('refused')).toBe('refused');
    const [refused] = client.frames.filter((frame) => frame.type === 'refused');
    expect(refused).toMatchObject({ seq: 1, code: ERRORS['bad-key'].code });
    expect(await client.alive()).toBe('pong');
  });

  it(`${MUTANTS} messages with bytes changed, cut and doubled harm nobody else (seed ${SEED})`, async () => {
    hub = await startHub({ transport });
    const random = seededRandom(SEED);
    const int = (below: number): number => Math.floor(random() * below);
    const neighbour = await Client.open(hub);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < MUTANTS; i++) {
      const client = await Client.open(hub);
      const writer = new ByteWriter();
      const headers = { a: 1, b: 'text', c: null };
      const properties = { contentType: 'application/json', headers, id: `m${i}`, ttlMs: 5_000 };
      writeClientFrame(writer, {
        type: 'publish',
        seq: 1,
        exchange: 'amq.topic',
        key: 'a.b',
        payload: i % 2 === 0 ? '{"a":1}' : new Uint8Array([1, 2, 3]),
        properties,
      });
      writeClientFrame(writer, { type: 'ack', queue: 1, upTo: 3, ranges: [[5, 9]] });
      writeClientFrame(writer, {
        type: 'subscribe',
        ref: 1,
        options: { bindings: [['amq.topic', '#']] },
      });
      let bytes = writer.slice();
      for (let changes = 1 + int(3); changes > 0; changes--) {
        const at = int(bytes.length);
        const how = int(4);
        if (how === 0) bytes = bytes.slice(0, at);
        else if (how === 1) bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at / 2)]);
        else if (how === 2) bytes[at] = int(256);
        else bytes[at] = bytes[at]! ^ (1 << int(8));
      }
      client.ws.send(bytes);
      const outcome = await client.alive();
      if (typeof outcome === 'number') expect(CODES, `mutant ${i} closed with ${outcome}`).toContain(outcome);
      outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1);
      client.ws.terminate();
    }
    // A run in which nothing was refused, or nothing got through, would have tested little.
    expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['pong', String(ERRORS['bad-frame'].code)]));
    expect(await neighbour.alive()).toBe('pong');
    expect(hub.stats().ledger.residual).toBe(0);
  });
});
