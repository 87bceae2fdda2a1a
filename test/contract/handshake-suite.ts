/**
 * What every transport that listens on a socket must do with handshakes and hostile bytes; what a transport sees
 * otherwise than the others stands in its own test.
 */
import { connect as connectTcp, type Socket as TcpSocket } from 'node:net';
import { ERRORS, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { callersBehind } from '../../server/src/http/trusted-proxies.ts';
import type { Caller, ReadCaller } from '../../server/src/ports/caller.ts';
import type { Transport } from '../../server/src/ports/transport.ts';
import type { Objection } from '../../server/src/transports/handshake.ts';
import { clientFrame, closeCodeOf, exchange, handshakeHead } from './raw-handshake.ts';
import { Accepted, Client, SUITE_LIMITS } from './transport-suite.ts';

export interface HandshakeHarness {
  readonly transport: Transport;
  listen(): Promise<number>;
  /** Closes the transport first. */
  dispose(): Promise<void>;
}

/** What a transport is told about callers. */
export interface CallerOptions {
  readonly objection: Objection;
  readonly readCaller?: ReadCaller;
}

/** Where the tests of one transport go on from. */
export interface HandshakeScene {
  readonly port: number;
  readonly accepted: Accepted[];
}

export function handshakeSuite(
  name: string,
  setup: (callers: CallerOptions) => HandshakeHarness,
  more: (scene: () => HandshakeScene) => void,
): void {
  describe(`a ${name} handshake`, () => {
    let harness: HandshakeHarness;
    let port: number;
    let accepted: Accepted[];
    let callers: Caller[];

    beforeEach(async () => {
      accepted = [];
      callers = [];
      harness = setup({
        objection: (caller) => {
          callers.push(caller);
          return caller.origin === 'https://bad.example' ? 'not from there' : undefined;
        },
        readCaller: (peer, header) =>
          callersBehind({ trusted: header('x-trusted') ? ['127.0.0.0/8'] : [] })(peer, header),
      });
      harness.transport.start((socket) => {
        const handler = new Accepted(socket);
        accepted.push(handler);
        return handler;
      }, SUITE_LIMITS);
      port = await harness.listen();
    });

    afterEach(() => harness.dispose());

    const connect = () => new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON);
    const statusOf = async (text: string): Promise<string> =>
      (await exchange(port, text)).toString().split('\r\n', 1)[0] as string;

    it.each([
      ['another path', {}, '/elsewhere', '404'],
      ['a token in its URL', {}, `${WEBSOCKET_PATH}?token=x`, '400'],
      ['an access token in its URL', {}, `${WEBSOCKET_PATH}?a=1&access_token=x`, '400'],
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
      ['a key that is none', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=!' }, WEBSOCKET_PATH, '400'],
      ['another version', { 'Sec-WebSocket-Version': '99' }, WEBSOCKET_PATH, '400'],
    ])('with %s is refused', async (_, headers, path, status) => {
      expect(await statusOf(handshakeHead(port, headers, path))).toContain(status);
      expect(accepted).toEqual([]);
    });

    it.each([
      ['nobody’s headers', {}, '127.0.0.1', 'hub.internal', false],
      ['a trusted proxy’s headers', { 'X-Trusted': 'yes' }, '198.51.100.7', 'hub.example', true],
    ])('tells who calls by %s', async (_, headers, address, host, isSecure) => {
      const head = handshakeHead(port, {
        Host: 'hub.internal',
        Origin: 'https://hub.example',
        'X-Forwarded-For': '203.0.113.9, 198.51.100.7',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'hub.example',
        ...headers,
      });
      await exchange(port, head, clientFrame(8, Buffer.from([0x03, 0xe8])));
      expect(callers).toEqual([{ address, origin: 'https://hub.example', host, isSecure }]);
      expect(accepted[0]?.socket.address).toBe(address);
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

    it.each([
      [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON],
      [SUBPROTOCOL_JSON, SUBPROTOCOL_BINARY],
    ])('chooses %s where it is offered before %s', async (...offered) => {
      const client = new Client(
        new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, ['mqtt', ...offered]),
      );
      expect(await client.opened).toBe(true);
      expect(client.peer.protocol).toBe(offered[0]);
      expect(accepted[0]?.socket.subprotocol).toBe(offered[0]);
    });

    it('that is refused is answered by words that no browser makes more of', async () => {
      const answer = (
        await exchange(port, handshakeHead(port, { Origin: 'https://bad.example' }))
      ).toString();
      expect(answer).toMatch(/\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
      expect(answer).toMatch(/\r\nContent-Security-Policy: default-src 'none'/);
      expect(answer).toMatch(/\r\nX-Content-Type-Options: nosniff\r\n/);
    });

    it('over the connection limit is answered 503 and when to come back', async () => {
      for (let i = 0; i < SUITE_LIMITS.maxConnections; i++) await new Client(connect()).opened;
      const answer = (await exchange(port, handshakeHead(port))).toString();
      expect(answer).toMatch(/^HTTP\/1.1 503 /);
      expect(answer).toMatch(/\r\nRetry-After: \d+\r\n/);
      expect(answer).toContain(ERRORS['too-many-connections'].text);
    });

    it('after stopAccepting is answered 503', async () => {
      harness.transport.stopAccepting();
      const answer = (await exchange(port, handshakeHead(port))).toString();
      expect(answer).toMatch(/^HTTP\/1.1 503 /);
      expect(answer).toMatch(/\r\nRetry-After: \d+\r\n/);
    });

    it('echoes the close code of a client as it is', async () => {
      const close = clientFrame(8, Buffer.from([0x03, 0xf1]));
      expect(closeCodeOf(await exchange(port, handshakeHead(port), close))).toBe(1009);
    });

    it('takes a binary message in pieces as one', async () => {
      const pieces = [
        clientFrame(2, Buffer.from('a'), false),
        clientFrame(9, Buffer.from('!')),
        clientFrame(0, Buffer.from('b')),
        clientFrame(8, Buffer.from([0x03, 0xe8])),
      ];
      const head = handshakeHead(port, { 'Sec-WebSocket-Protocol': SUBPROTOCOL_BINARY });
      const answer = await exchange(port, head, ...pieces);
      // The answer to the ping stands before that to the close.
      expect(answer.includes(Buffer.from([0x8a, 1, 0x21, 0x88, 2, 0x03, 0xe8]))).toBe(true);
      await accepted[0]?.called('closed');
      expect(accepted[0]?.calls).toEqual(['message <6162>', 'closed']);
    });

    it('takes a message in pieces as one, also where a piece comes byte by byte', async () => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.setNoDelay(true);
      socket.write(handshakeHead(port));
      await new Promise((resolve) => socket.once('data', resolve));
      const pieces = [
        clientFrame(1, Buffer.from('é').subarray(0, 1), false),
        clientFrame(0, Buffer.from('é').subarray(1)),
      ];
      for (const byte of Buffer.concat(pieces)) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await accepted[0]?.called('message é');
      socket.destroy();
    });

    it('lets the client end even if it never answers a close', async () => {
      const deaf: TcpSocket = connectTcp(port, '127.0.0.1');
      const ended = new Promise<void>((resolve) => deaf.on('close', () => resolve()));
      deaf.on('error', () => {});
      deaf.write(handshakeHead(port));
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
      socket.write(handshakeHead(port, {}, '/elsewhere'));
      socket.resetAndDestroy();
      await gone;
      expect(await statusOf(handshakeHead(port, {}, '/elsewhere'))).toContain('404');
    });

    more(() => ({ port, accepted }));
  });
}
