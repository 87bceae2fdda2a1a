/**
 * RFC 6455 over raw TCP, on both transports: the hub's end says every message again. Where a transport answers otherwise
 * than the case says, it does so by an exception with its reason, and each exception is met.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Carrier, createCarrier } from '../../server/src/carrier.ts';
import { handshakeHead } from '../contract/raw-handshake.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { LIMITS, WEBSOCKET_CASES, type WebSocketCase } from './websocket-cases.ts';
import { exceptionsOf } from './websocket-exceptions.ts';
import { FrameReader } from './websocket-frames.ts';

/** What came back on a connection of its own, and `end` or `fails CODE` in the place of how it ended. */
async function outcome(port: number, { sends }: WebSocketCase): Promise<readonly string[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const reader = new FrameReader();
  const closed = once(socket, 'close');
  // A server that fails a connection may do so while more is on its way.
  socket.on('error', () => {});
  socket.write(handshakeHead(port));
  await answered(socket, (bytes) => reader.take(bytes));
  for (const bytes of sends) {
    if (socket.destroyed) break;
    // Each piece is a segment of its own: the hub may read between any two.
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  }
  await closed;
  return reader.told;
}

/** Resolves once the handshake's answer is there; what follows it is frames. */
function answered(socket: ReturnType<typeof connect>, take: (bytes: Uint8Array) => void): Promise<void> {
  let head = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error(`no handshake: ${head}`)));
    socket.on('data', (bytes) => {
      if (head.includes('\r\n\r\n')) return take(bytes);
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      take(head.subarray(end + 4));
      resolve();
    });
  });
}

/** How a connection ended, as the cases say it. */
function asSaid(told: readonly string[], comes: readonly string[]): readonly string[] {
  const last = comes.at(-1)!;
  if (!last.startsWith('fails')) return [...told, 'end'];
  const end = told.at(-1);
  return end?.startsWith('close ')
    ? [...told.slice(0, -1), end.replace('close', 'fails')]
    : [...told, 'ends'];
}

describe.each(transportsHere)('WebSockets over %s', (transport) => {
  let carrier: Carrier;
  let port: number;
  const exceptions = exceptionsOf(transport);

  beforeAll(async () => {
    carrier = createCarrier(transport, { objection: () => undefined, maxSilenceMs: 45_000 });
    carrier.server.serve({ fetch: () => new Response(null, { status: 404 }) });
    carrier.transport.start(
      (socket) => ({ message: (message) => socket.send(message), drained() {}, closed() {} }),
      LIMITS,
    );
    port = await carrier.server.listen('127.0.0.1', 0);
  });
  afterAll(async () => {
    await carrier.transport.close();
    await carrier.server.close(0);
  });

  it.each(WEBSOCKET_CASES.map((one) => [one.section, one.name, one] as const))(
    '%s: %s',
    async (_, __, one) => {
      const exception = exceptions.find((candidate) => candidate.applies(one));
      const expected = exception ? exception.comes(one) : one.comes;
      expect(asSaid(await outcome(port, one), one.comes)).toEqual(expected);
    },
  );

  it('has no exception that no case needs', () => {
    for (const { why, applies, comes } of exceptions) {
      const met = WEBSOCKET_CASES.filter((one) => applies(one) && comes(one).join() !== one.comes.join());
      expect(met.length, why).toBeGreaterThan(0);
    }
  });
});
