/** The uws transport: the suites, and what uWebSockets.js does otherwise than `ws`. */
import { ERRORS, SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type UwsApp, UwsHttpServer } from '../../server/src/http/uws-server.ts';
import { DRAINED_BELOW_BYTES } from '../../server/src/ports/transport.ts';
import { UwsTransport } from '../../server/src/transports/uws.ts';
import { type CallerOptions, handshakeSuite } from './handshake-suite.ts';
import { clientFrame, closeCodeOf, exchange, handshakeHead } from './raw-handshake.ts';
import { Accepted, Client, SUITE_LIMITS, transportSuite } from './transport-suite.ts';
import { describeUws } from './uws-here.ts';

const MAX_SILENCE_MS = 45_000;

describeUws('the uws transport', ({ library }) => {
  const carrier = (callers: CallerOptions = { objection: () => undefined }) => {
    const app = library.App() as UwsApp;
    const server = new UwsHttpServer(app, library);
    const transport = new UwsTransport({ app, ...callers, maxSilenceMs: MAX_SILENCE_MS });
    const dispose = async () => {
      await transport.close();
      await server.close(0);
    };
    return { transport, server, dispose };
  };

  transportSuite('uws', async () => {
    const { transport, server, dispose } = carrier();
    server.serve({ fetch: () => new Response(null, { status: 404 }) });
    const port = await server.listen('127.0.0.1', 0);
    return {
      transport,
      address: '127.0.0.1',
      connect: (subprotocol) => new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, subprotocol),
      stall: (peer) => peer.pause(),
      unstall: (peer) => peer.resume(),
      cut: (peer) => peer.terminate(),
      dispose,
    };
  });

  it('lets a slow client have what it was sent, and its close, before all is freed', async () => {
    const { transport, server, dispose } = carrier();
    let accepted: Accepted | undefined;
    transport.start((socket) => {
      accepted = new Accepted(socket);
      return accepted;
    }, SUITE_LIMITS);
    const port = await server.listen('127.0.0.1', 0);
    const client = new Client(new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, SUBPROTOCOL_JSON));
    await client.opened;
    client.peer.pause();
    let sent = 0;
    while ((accepted?.socket.bufferedBytes ?? 0) < DRAINED_BELOW_BYTES) {
      accepted?.socket.send('x'.repeat(64 * 1024));
      sent += 1;
    }
    accepted?.socket.close(ERRORS.draining.code, ERRORS.draining.text);
    const disposed = dispose();
    client.peer.resume();
    expect((await client.closed).code).toBe(ERRORS.draining.code);
    expect(client.messages).toHaveLength(sent);
    await disposed;
  });

  handshakeSuite(
    'uws',
    (callers) => {
      const { transport, server, dispose } = carrier(callers);
      return { transport, listen: () => server.listen('127.0.0.1', 0), dispose };
    },
    (scene) => {
      it('takes a message in many pieces: uWS joins them as they come', async () => {
        const { port, accepted } = scene();
        const pieces = Array.from({ length: 70 }, (_, i) =>
          clientFrame(i === 0 ? 1 : 0, Buffer.from('x'), i === 69),
        );
        const end = clientFrame(8, Buffer.from([0x03, 0xe8]));
        await exchange(port, handshakeHead(port), ...pieces, end);
        await accepted[0]?.called('closed');
        expect(accepted[0]?.calls).toEqual([`message ${'x'.repeat(70)}`, 'closed']);
      });

      it('is followed by frame-too-large for pieces that are too much together', async () => {
        const { port } = scene();
        const piece = Buffer.alloc(100, 'x');
        const pieces = Array.from({ length: 11 }, (_, i) => clientFrame(i === 0 ? 1 : 0, piece, i === 10));
        expect(closeCodeOf(await exchange(port, handshakeHead(port), ...pieces))).toBe(
          ERRORS['frame-too-large'].code,
        );
      });

      it.each([
        ['a message of twice the limit', [0xff, 0, 0, 0, 0, 0, 0, 0x07, 0xd1]],
        ['a length declared beyond all bounds', [0xff, 0, 0, 0x10, 0, 0, 0, 0, 0]],
      ])('ends without a code on %s, and its handler knows why', async (_, length) => {
        const { port, accepted } = scene();
        const told: unknown[] = [];
        const declared = Buffer.from([0x81, ...length, 0, 0, 0, 0, 0x78]);
        const answer = exchange(port, handshakeHead(port), declared);
        while (!accepted[0]) await new Promise((resolve) => setImmediate(resolve));
        const [hub] = accepted;
        hub.closed = (cause?: string) => {
          told.push(cause);
        };
        expect(closeCodeOf(await answer)).toBeUndefined();
        expect(told).toEqual(['frame-too-large']);
        expect(SUITE_LIMITS.maxFrameBytes).toBe(1_000);
      });

      it.each([
        ['text that is not UTF-8', clientFrame(1, Buffer.from([0xc3, 0x28]))],
        ['a frame with reserved bits', Buffer.from([0xf1, 0x81, 0, 0, 0, 0, 0x78])],
      ])('ends without a code on %s', async (_, bytes) => {
        const { port, accepted } = scene();
        expect(closeCodeOf(await exchange(port, handshakeHead(port), bytes))).toBeUndefined();
        await accepted[0]?.called('closed');
        expect(accepted[0]?.calls).toEqual(['closed']);
      });
    },
  );
});
