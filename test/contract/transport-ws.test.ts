/** The ws transport: the suites, and which codes `ws` gives to broken frames. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ERRORS, SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { WsTransport } from '../../server/src/transports/ws.ts';
import { handshakeSuite } from './handshake-suite.ts';
import { clientFrame, closeCodeOf, exchange, handshakeHead } from './raw-handshake.ts';
import { Accepted, SUITE_LIMITS, transportSuite } from './transport-suite.ts';

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
    address: '127.0.0.1',
    connect: (subprotocol) => new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, subprotocol),
    stall: (peer) => peer.pause(),
    unstall: (peer) => peer.resume(),
    cut: (peer) => peer.terminate(),
    dispose: async () => {
      await transport.close();
      await closed(server);
    },
  };
});

handshakeSuite(
  'ws',
  (callers) => {
    const server = createServer();
    const transport = new WsTransport({ server, ...callers, closeGraceMs: 20 });
    return {
      transport,
      listen: () => listening(server),
      dispose: async () => {
        await transport.close();
        await closed(server);
      },
    };
  },
  (scene) => {
    it('is followed by frame-too-large for a message in too many pieces', async () => {
      const { port, accepted } = scene();
      const pieces = Array.from({ length: 70 }, (_, i) =>
        clientFrame(i === 0 ? 1 : 0, Buffer.from('x'), false),
      );
      expect(closeCodeOf(await exchange(port, handshakeHead(port), ...pieces))).toBe(
        ERRORS['frame-too-large'].code,
      );
      await accepted[0]?.called('closed');
      expect(accepted[0]?.calls).toEqual(['closed']);
    });

    it('is followed by frame-too-large for a declared length, before the bytes come', async () => {
      const { port } = scene();
      const declared = Buffer.from([0x81, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      expect(closeCodeOf(await exchange(port, handshakeHead(port), declared))).toBe(
        ERRORS['frame-too-large'].code,
      );
    });

    it('is followed by 1007 for text that is not UTF-8', async () => {
      const { port, accepted } = scene();
      const text = clientFrame(1, Buffer.from([0xc3, 0x28]));
      expect(closeCodeOf(await exchange(port, handshakeHead(port), text))).toBe(1007);
      await accepted[0]?.called('closed');
      expect(accepted[0]?.calls).toEqual(['closed']);
    });

    it('is followed by 1002 for a frame without a mask', async () => {
      const { port } = scene();
      const unmasked = Buffer.from([0x81, 0x01, 0x78]);
      expect(closeCodeOf(await exchange(port, handshakeHead(port), unmasked))).toBe(1002);
    });
  },
);

it('takes a message within the limit, however the network cuts it', async () => {
  const server = createServer();
  const transport = new WsTransport({ server, objection: () => undefined });
  const accepted: Accepted[] = [];
  transport.start(
    (socket) => {
      const handler = new Accepted(socket);
      accepted.push(handler);
      return handler;
    },
    { ...SUITE_LIMITS, maxFrameBytes: 10_000 },
  );
  let stream: Duplex | undefined;
  server.on('upgrade', (_, upgraded) => {
    stream = upgraded;
  });
  const port = await listening(server);
  const client = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON);
  await once(client, 'open');
  const text = 'x'.repeat(10_000);
  // As if each byte had come alone: what the kernel joins is not ours to say.
  const head = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 0xff, 0, 0, 0, 0]);
  for (const byte of Buffer.concat([head, Buffer.from(text)])) stream!.emit('data', Buffer.of(byte));
  client.send('after');
  await accepted[0]!.called('message after');
  expect(accepted[0]!.calls).toEqual([`message ${text}`, 'message after']);
  client.terminate();
  await accepted[0]!.called('closed');
  await transport.close();
  await closed(server);
});

it('reads nothing while it is paused, and goes on where it was', async () => {
  const server = createServer();
  const transport = new WsTransport({ server, objection: () => undefined, closeGraceMs: 3_600_000 });
  const accepted: Accepted[] = [];
  transport.start((socket) => {
    const handler = new Accepted(socket);
    accepted.push(handler);
    return handler;
  }, SUITE_LIMITS);
  const port = await listening(server);
  const open = async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON);
    await once(client, 'open');
    return client;
  };
  const [paused, other] = [await open(), await open()];
  const [hub, neighbour] = accepted as [Accepted, Accepted];
  hub.socket.pause!();
  paused.send('first');
  for (let i = 0; i < 20; i++) {
    other.send(`${i}`);
    await neighbour.called(`message ${i}`);
  }
  expect(hub.calls).toEqual([]);
  hub.socket.resume!();
  paused.send('second');
  await hub.called('message second');
  expect(hub.calls).toEqual(['message first', 'message second']);

  // A close waits for the client's answer, which has to be read.
  hub.socket.pause!();
  paused.send('late');
  other.send('now');
  await neighbour.called('message now');
  hub.socket.close(4_000, 'enough');
  const [code] = (await once(paused, 'close')) as [number];
  expect(code).toBe(4_000);
  await hub.called('closed');
  expect(hub.calls).toEqual(['message first', 'message second', 'closed']);
  await transport.close();
  await closed(server);
});
