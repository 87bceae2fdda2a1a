/**
 * X3, X4, X9: sockets that say nothing, half of something, too much, or what was not agreed on: each is ended by a deadline or
 * at once, and a client that behaves is served meanwhile. Deadlines are short here; those of uWebSockets.js are its own.
 *
 * Seen to fail with its guard taken out: docs/testing.md.
 */
import { ERRORS, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { clientFrame, closeCodeOf, exchange, handshakeHead } from '../contract/raw-handshake.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { RawClient } from './raw-client.ts';

const SILENT = 200;
/** What a head may have on either transport. */
const FIELDS = { ws: 64, uws: 40 } as const;

let hub: RunningHub;
afterEach(() => hub.close());

/** Connects, publishes and reads, as a client that behaves does. */
async function isServed(): Promise<void> {
  const ws = new WebSocket(hub.url, SUBPROTOCOL_JSON);
  const frames: string[] = [];
  await new Promise<void>((resolve, reject) => {
    ws.on('error', reject);
    ws.on('open', () => {
      ws.send(JSON.stringify(['hello', { version: 1, token: hub.token }]));
      ws.send('["publish",1,"amq.topic","k","x"]');
    });
    ws.on('message', (data) => {
      frames.push(...data.toString().split('\n'));
      if (frames.some((frame) => frame.startsWith('["confirm"'))) resolve();
    });
  });
  ws.terminate();
  expect((await fetch(`${hub.httpUrl}/livez`)).status).toBe(200);
}

describe.each(transportsHere)('over %s', (transport) => {
  const start = async (limits: StartHubOptions['limits'] = {}): Promise<void> => {
    hub = await startHub({ transport, limits });
  };
  const fieldsHead = (count: number, path = '/livez'): string => {
    const own = ['Host: 127.0.0.1', 'Connection: close'];
    const more = Array.from({ length: count - own.length }, (_, i) => `x${i}: y`);
    return `GET ${path} HTTP/1.1\r\n${[...own, ...more].join('\r\n')}\r\n\r\n`;
  };

  it('X3: compression that is offered is not taken', async () => {
    await start();
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
    const client = new RawClient(hub.port).send(handshakeHead(hub.port, offer));
    await client.answered();
    expect(client.status).toBe('101');
    expect(client.received.toString()).not.toMatch(/extensions/i);
    client.socket.destroy();
  });

  it('X3: a frame that says it is compressed is refused at its head, before a byte of it has come', async () => {
    await start();
    const client = new RawClient(hub.port).send(handshakeHead(hub.port));
    await client.answered();
    // RSV1 and text; 100,000 bytes are announced and never sent.
    client.send(new Uint8Array([0xc1, 0xff, 0, 0, 0, 0, 0, 1, 0x86, 0xa0, 0, 0, 0, 0]));
    await client.closed;
    const code = closeCodeOf(client.received);
    expect(code).toBe(transport === 'ws' ? 1002 : undefined);
    await isServed();
  });

  it('X4: heads that do not end, and bodies that drip, are ended by their deadlines', async () => {
    await start({ handshakeTimeoutMs: 500, requestTimeoutMs: 1_000 });
    const half = `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:${hub.port}\r\nConnection: Upgrade\r\n`;
    const post = `POST /v1/publish?key=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${hub.token}\r\n`;
    const attackers = [
      new RawClient(hub.port),
      new RawClient(hub.port).send('G'),
      new RawClient(hub.port).send(half),
      // Dripping does not put the deadline off.
      new RawClient(hub.port).send(half).drip('X', 100),
      new RawClient(hub.port).send(`${post}Content-Length: 1000\r\n\r\n`).drip('x', 100),
      new RawClient(hub.port).send(`${post}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`).drip(' ', 100),
      ...Array.from({ length: 50 }, () => new RawClient(hub.port).send(half)),
    ];
    await isServed();
    await Promise.all(attackers.map(({ closed }) => closed));
    expect(attackers.map(({ status }) => status)).not.toContain('200');
    await isServed();
  });

  it('X4: a head has so many fields; one more is refused, 2,000 are, and so is a handshake with as many', async () => {
    await start({ maxHeaders: FIELDS[transport] });
    const statusOf = async (text: string): Promise<string | undefined> => {
      const client = new RawClient(hub.port).send(text);
      await client.answered();
      client.socket.destroy();
      return client.status;
    };
    const most = FIELDS[transport];
    expect(await statusOf(fieldsHead(most))).toBe('200');
    expect(await statusOf(fieldsHead(most + 1))).toBe('431');
    const many = Object.fromEntries(Array.from({ length: most }, (_, i) => [`x${i}`, 'y']));
    expect(await statusOf(handshakeHead(hub.port, many))).toBe('431');
    // uWebSockets.js cuts what is above a limit of its own without a word.
    const flood = new RawClient(hub.port).send(fieldsHead(2_000));
    await (transport === 'ws' ? flood.answered() : flood.closed);
    expect(flood.status).toBe(transport === 'ws' ? '431' : undefined);
    flood.socket.destroy();
    await isServed();
  });

  it('X4: a head has so many bytes', async () => {
    await start();
    const head = `GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nx: ${'y'.repeat(17 * 1024)}\r\n\r\n`;
    const client = new RawClient(hub.port).send(head);
    await client.answered();
    expect(client.status).toBe('431');
    client.socket.destroy();
    await isServed();
  });

  it(`X9: ${SILENT} connections that never say hello are closed at their deadline`, async () => {
    await start({ helloTimeoutMs: 500 });
    const closing = Array.from({ length: SILENT }, () => exchange(hub.port, handshakeHead(hub.port)));
    await isServed();
    const codes = new Set((await Promise.all(closing)).map(closeCodeOf));
    expect([...codes]).toEqual([ERRORS['hello-timeout'].code]);
  });

  it('X9: so many connections of one address, and not one more; the hello’s deadline frees them', async () => {
    await start({ maxConnectionsPerAddress: 3, helloTimeoutMs: 500 });
    const silent = Array.from({ length: 3 }, () => new RawClient(hub.port).send(handshakeHead(hub.port)));
    await Promise.all(silent.map((client) => client.answered()));
    expect(closeCodeOf(await exchange(hub.port, handshakeHead(hub.port)))).toBe(
      ERRORS['too-many-connections'].code,
    );
    await Promise.all(silent.map(({ closed }) => closed));
    await isServed();
  });

  it('a client over its rate is told, and others go on', async () => {
    const limits = new Map([['dev', { maxFramesPerSec: 1, maxFramesBurst: 50 }]]);
    hub = await startHub({ transport, roleLimits: limits });
    const hello = Buffer.from(`["hello",{"version":1,"token":"${hub.token}"}]`);
    const parts = [hello, ...Array<Buffer>(10).fill(Buffer.from(Array(10).fill('["ping"]').join('\n')))];
    const client = new RawClient(hub.port).send(handshakeHead(hub.port));
    await client.answered();
    for (const part of parts) client.send(clientFrame(1, part));
    await client.closed;
    expect(client.received.includes(ERRORS['rate-limited'].text)).toBe(true);
    await isServed();
  });
});
