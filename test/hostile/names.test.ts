/**
 * X7: names that objects inherit, as names of everything a client may name: they are names like others, and no prototype
 * changes. On both transports, in both codecs, over HTTP, and in the settings.
 *
 * Seen to fail with a planted `merge` of fields into a plain object (RINGHUB_PLANT=merge).
 */
import { decodeClientMessage, decodeClientMessageBinary, WEBSOCKET_PATH } from '@ringhub/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readConfig } from '../../server/src/config/read-config.ts';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { BINARY_WIRE, JSON_WIRE, type WireCodec } from '../server/support/wire-codec.ts';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
const PROTOTYPES = [
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Uint8Array.prototype,
  Function.prototype,
];

const shapeOf = (): unknown[] => PROTOTYPES.map((prototype) => Object.getOwnPropertyNames(prototype).sort());
const pristine = shapeOf();
afterEach(() => {
  expect(shapeOf()).toEqual(pristine);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

/** What a careless reader of fields would do. */
function merged(target: Record<string, unknown>, fields: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === 'object' && value !== null) {
      merged(target[key] as Record<string, unknown>, value as Record<string, unknown>);
    } else target[key] = value;
  }
}
if (process.env.RINGHUB_PLANT === 'merge') {
  merged({}, JSON.parse('{"__proto__":{"polluted":1}}') as Record<string, unknown>);
}

/** A client that says raw lines and waits for frames. */
class Client {
  readonly frames: unknown[][] = [];
  private wake = (): void => {};

  private constructor(
    readonly ws: WebSocket,
    private readonly codec: WireCodec,
  ) {
    ws.on('message', (data: Buffer, isBinary) => {
      const frames = codec.read(isBinary ? data : data.toString());
      this.frames.push(...(frames as unknown as unknown[][]));
      this.wake();
    });
    ws.on('close', (code) => {
      this.frames.push({ type: 'closed', code } as never);
      this.wake();
    });
    ws.on('error', () => {});
  }

  static async open(hub: RunningHub, token: string, codec: WireCodec): Promise<Client> {
    const client = new Client(
      new WebSocket(`ws://127.0.0.1:${hub.port}${WEBSOCKET_PATH}`, codec.subprotocol),
      codec,
    );
    await new Promise((resolve) => client.ws.once('open', resolve));
    client.say(
      `["hello",{"version":1,"token":${JSON.stringify(token)},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}]`,
    );
    await client.told({ type: 'welcome' });
    return client;
  }

  /** Lines as they stand: what `JSON.stringify` writes of an object has no `__proto__`. */
  say(line: string): void {
    this.ws.send(this.codec.text(line));
  }

  async told(wanted: object): Promise<Record<string, unknown>> {
    for (let seen = 0; ; ) {
      for (; seen < this.frames.length; seen++) {
        const frame = this.frames[seen] as unknown as Record<string, unknown>;
        const fits = Object.entries(wanted).every(([key, value]) => frame[key] === value);
        if (fits) return frame;
        if (frame.type === 'closed') throw new Error(`closed with ${frame.code}`);
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

const TOKENS = NAMES.map((subject, i) => ({
  token: `token-of-${i}-${'x'.repeat(32)}`,
  subject,
  role: 'server',
}));

describe.each(transportsHere)('X7: inherited names over %s', (transport) => {
  let hub: RunningHub;
  beforeEach(async () => {
    hub = await startHub({ transport, tokens: TOKENS });
  });
  afterEach(() => hub.close());

  it.each([
    ['JSON', JSON_WIRE],
    ['binary', BINARY_WIRE],
  ] as const)('are names of exchanges, queues, keys, headers, ids and subjects, in %s', async (_, codec) => {
    for (const [i, name] of NAMES.entries()) {
      const client = await Client.open(hub, TOKENS[i]!.token, codec);
      const json = JSON.stringify(name);
      client.say(`["declare",1,${json},{"type":"topic","__proto__":{"internal":true}}]`);
      client.say(
        `["subscribe",2,{"bindings":[[${json},${json}]],"conflationHeader":${json},"overflow":"conflate","__proto__":{"capacity":2}}]`,
      );
      client.say(`["declareQueue",3,${json},{"__proto__":{"durable":true}}]`);
      client.say(`["bind",4,{"queue":${json}},${json},${json},{"toString":"a","x-match":"any"}]`);
      client.say(`["consume",5,{"consume":${json},"ack":"none"}]`);
      expect(await client.told({ type: 'ok', ref: 1 })).toBeDefined();
      const { granted } = (await client.told({ type: 'ok', ref: 2 })).result as { granted: object };
      expect(granted).toMatchObject({ capacity: 1_000 });
      const { options } = (await client.told({ type: 'ok', ref: 3 })).result as { options: object };
      expect(Object.hasOwn(options, 'durable') ? (options as { durable: boolean }).durable : false).toBe(
        false,
      );
      await client.told({ type: 'ok', ref: 4 });
      await client.told({ type: 'ok', ref: 5 });
      // The one header name that is refused: JSON libraries of receivers might set a prototype by it.
      const header = name === '__proto__' ? 'proto' : name;
      client.say(
        `["publish",1,${json},${json},{"json":{"__proto__":{"polluted":1}}},{"id":${json},"headers":{"${header}":${json}}}]`,
      );
      client.say(`["publish",2,${json},${json},"again",{"id":${json}}]`);
      client.say(`["publish",3,${json},${json},"x",{"headers":{"__proto__":1}}]`);
      const confirm = await client.told({ type: 'confirm' });
      expect((confirm.runs as { sessions: number; queues: object }[])[0]).toMatchObject({
        sessions: 1,
        queues: { took: [name], refused: [] },
      });
      expect(await client.told({ type: 'refused', seq: 3 })).toMatchObject({
        text: expect.stringMatching(/^bad-headers/),
      });
      const { items } = (await client.told({ type: 'deliver' })) as unknown as { items: object[] };
      expect(items[0]).toMatchObject({ exchange: name, key: name, id: name, headers: { [header]: name } });
      client.say(`["list",6]`);
      const { queues } = (await client.told({ type: 'ok', ref: 6 })).result as {
        queues: { name: string }[];
      };
      expect(queues.map((queue) => queue.name)).toContain(name);
      client.ws.terminate();
    }
    expect(hub.stats()).toMatchObject({
      exchanges: 6 + NAMES.length,
      publishes: { taken: NAMES.length, duplicate: NAMES.length },
    });
  });

  it('are names over HTTP, too', async () => {
    for (const [i, name] of NAMES.entries()) {
      const headers = { Authorization: `Bearer ${TOKENS[i]!.token}`, 'Content-Type': 'application/json' };
      const ask = async (method: string, path: string, body?: string): Promise<unknown> =>
        (
          await fetch(`${hub.httpUrl}${path}`, { method, headers, ...(body !== undefined && { body }) })
        ).json();
      const json = JSON.stringify(name);
      const proto = '"__proto__":{"polluted":1,"internal":true}';
      expect(await ask('POST', '/v1/exchanges', `{"name":${json},"type":"topic",${proto}}`)).toMatchObject({
        name,
      });
      expect(await ask('PUT', `/v1/queues/${name}`, `{${proto}}`)).toMatchObject({ name });
      const publish = `{"exchange":${json},"key":${json},"text":"x",${proto}}`;
      expect(await ask('POST', '/v1/publish', publish)).toMatchObject({ log: 'v' });
      const path = `/v1/history?exchange=${name}&key=${name}&__proto__=x&constructor=y`;
      expect(await ask('GET', path)).toMatchObject({ items: [{ exchange: name, key: name }] });
      expect(await ask('GET', `/v1/queues/${name}`)).toMatchObject({ name });
    }
  });
});

describe('X7: inherited names', () => {
  it('are no frames', () => {
    for (const name of NAMES) {
      expect(decodeClientMessage(JSON.stringify([name, 1, 2]))).toMatchObject([
        { type: 'invalid', fatal: true },
      ]);
      const bytes = BINARY_WIRE.text(JSON.stringify([name, 1, 2])) as Uint8Array;
      expect(decodeClientMessageBinary(bytes)).toMatchObject([{ type: 'invalid', fatal: true }]);
    }
  });

  it.each([
    ['a file', { file: { name: 'f', text: '{"__proto__":{"dev":true}}' } }],
    ['a section of a file', { file: { name: 'f', text: '{"limits":{"__proto__":{"maxBindings":1}}}' } }],
    ['a file of YAML', { file: { name: 'f', text: '__proto__: { dev: true }' } }],
  ] as const)('are no settings in %s', (_, sources) => {
    const result = readConfig({ ...sources, env: { RINGHUB_LIMITS__MAX_BINDINGS: '7' } });
    expect(result).toMatchObject({
      kind: 'faults',
      faults: [expect.stringContaining('__proto__: there is no such setting')],
    });
  });
});
