/** The ws transport: the suite, and what only a handshake or raw bytes can do. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket as TcpSocket } from 'node:net';
import { ERRORS, SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { WsTransport } from '../../server/src/transports/ws.ts';
import { Accepted, Client, SUITE_LIMITS, transportSuite } from './transport-suite.ts';

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

transportSuite('ws', async () => {
  // What comes without an upgrade, or after the transport has closed, is another's affair.
  const server = createServer((_, response) => response.writeHead(404).end());
  const port = await listening(server);
  const transport = new WsTransport({ server, objection: () => undefined });
  return {
    transport,
    connect: () => new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON),
    stall: (peer) => peer.pause(),
    unstall: (peer) => peer.resume(),
    cut: (peer) => peer.terminate(),
    dispose: async () => {
      await transport.close();
      await closed(server);
    },
  };
});

describe('a ws handshake', () => {
  let server: Server;
  let transport: WsTransport;
  let port: number;
  let accepted: Accepted[];

  beforeEach(async () => {
    server = createServer();
    port = await listening(server);
    accepted = [];
    transport = new WsTransport({
      server,
      objection: ({ origin }) => (origin === 'https://bad.example' ? 'not from there' : undefined),
      closeGraceMs: 20,
    });
    transport.start((socket) => {
      const handler = new Accepted(socket);
      accepted.push(handler);
      return handler;
    }, SUITE_LIMITS);
  });

  afterEach(async () => {
    await transport.close();
    await closed(server);
  });

  const head = (lines: Record<string, string> = {}, path: string = WEBSOCKET_PATH): string => {
    const headers = {
      Host: `127.0.0.1:${port}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': SUBPROTOCOL_JSON,
      ...lines,
    };
    const fields = Object.entries(headers).filter(([, value]) => value !== '');
    return `GET ${path} HTTP/1.1\r\n${fields.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
  };

  /** Sends raw bytes and gives all that comes back until the hub ends the connection. */
  const exchange = (...parts: (string | Uint8Array)[]): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connectTcp(port, '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(chunks)));
      for (const part of parts) socket.write(part);
    });

  const statusOf = async (text: string): Promise<string> =>
    (await exchange(text)).toString().split('\r\n', 1)[0] as string;

  it.each([
    ['another path', {}, '/elsewhere', '404'],
    ['another protocol to upgrade to', { Upgrade: 'h2c' }, WEBSOCKET_PATH, '426'],
    ['an origin that is objected to', { Origin: 'https://bad.example' }, WEBSOCKET_PATH, '403'],
    ['no subprotocol', { 'Sec-WebSocket-Protocol': '' }, WEBSOCKET_PATH, '400'],
    ['subprotocols of others only', { 'Sec-WebSocket-Protocol': 'mqtt, stomp' }, WEBSOCKET_PATH, '400'],
    [
      'a subprotocol named twice',
      { 'Sec-WebSocket-Protocol': 'ringhub.v1.json, ringhub.v1.json' },
      WEBSOCKET_PATH,
      '400',
    ],
    ['no key', { 'Sec-WebSocket-Key': '' }, WEBSOCKET_PATH, '400'],
    ['another version', { 'Sec-WebSocket-Version': '99' }, WEBSOCKET_PATH, '400'],
  ])('with %s is refused', async (_, headers, path, status) => {
    expect(await statusOf(head(headers, path))).toContain(status);
    expect(accepted).toEqual([]);
  });

  it('chooses our subprotocol among others, and passes over a query', async () => {
    const client = new Client(
      new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}?x=1`, ['mqtt', SUBPROTOCOL_JSON], {
        origin: 'https://good.example',
      }),
    );
    expect(await client.opened).toBe(true);
    expect(client.peer.protocol).toBe(SUBPROTOCOL_JSON);
    expect(client.peer.extensions).toBe('');
  });

  it('over the connection limit is answered 503 and when to come back', async () => {
    for (let i = 0; i < SUITE_LIMITS.maxConnections; i++) {
      await new Client(new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON)).opened;
    }
    const answer = (await exchange(head())).toString();
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toMatch(/\r\nRetry-After: \d+\r\n/);
    expect(answer).toContain(ERRORS['too-many-connections'].text);
  });

  /** A masked client frame with a mask of zeros. */
  const frame = (opcode: number, payload: Uint8Array, fin = true): Uint8Array =>
    Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

  /** The close code in the last frame of what came back. */
  const closeCodeOf = (bytes: Buffer): number | undefined => {
    const frames = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    return frames[0] === 0x88 ? frames.readUInt16BE(2) : undefined;
  };

  it('is followed by frame-too-large for a message in too many pieces', async () => {
    const pieces = Array.from({ length: 70 }, (_, i) => frame(i === 0 ? 1 : 0, Buffer.from('x'), false));
    expect(closeCodeOf(await exchange(head(), ...pieces))).toBe(ERRORS['frame-too-large'].code);
    await accepted[0]?.called('closed');
    expect(accepted[0]?.calls).toEqual(['closed']);
  });

  it('is followed by frame-too-large for a declared length, before the bytes come', async () => {
    const declared = Buffer.from([0x81, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(closeCodeOf(await exchange(head(), declared))).toBe(ERRORS['frame-too-large'].code);
  });

  it('is followed by 1007 for text that is not UTF-8', async () => {
    expect(closeCodeOf(await exchange(head(), frame(1, Buffer.from([0xc3, 0x28]))))).toBe(1007);
    await accepted[0]?.called('closed');
    expect(accepted[0]?.calls).toEqual(['closed']);
  });

  it('is followed by 1002 for a frame without a mask', async () => {
    expect(closeCodeOf(await exchange(head(), Buffer.from([0x81, 0x01, 0x78])))).toBe(1002);
  });

  it('echoes the close code of a client as it is', async () => {
    expect(closeCodeOf(await exchange(head(), frame(8, Buffer.from([0x03, 0xf1]))))).toBe(1009);
  });

  it('is followed by an end even if the client never answers a close', async () => {
    const deaf: TcpSocket = connectTcp(port, '127.0.0.1');
    const ended = new Promise<void>((resolve) => deaf.on('close', () => resolve()));
    deaf.on('error', () => {});
    deaf.write(head());
    await new Promise((resolve) => deaf.once('data', resolve));
    deaf.pause();
    accepted[0]?.socket.close(1000, '');
    await accepted[0]?.called('closed');
    deaf.resume();
    await ended;
  });

  it('is survived by the hub when the client resets the connection at once', async () => {
    const socket = connectTcp(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => {});
    const gone = new Promise((resolve) => socket.on('close', resolve));
    socket.write(head({}, '/elsewhere'));
    socket.resetAndDestroy();
    await gone;
    expect(await statusOf(head({}, '/elsewhere'))).toContain('404');
  });
});
