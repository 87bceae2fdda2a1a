/**
 * X2 and X10: messages in tiny pieces, and HTTP bodies that lie about their length, at a hub in a process of its own, whose
 * memory is looked at meanwhile.
 *
 * Seen to fail with its guard taken out: docs/testing.md.
 */
import { ERRORS } from '@ringhub/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FarHub } from '../../bench/support/far-hub.ts';
import { clientFrame, closeCodeOf, handshakeHead } from '../contract/raw-handshake.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { RawClient } from './raw-client.ts';

const MIB = 1024 * 1024;
const SOCKETS = 100;
const PIECES = 10_000;
const BODIES = 20;
const BODY_LIMIT = 256 * 1024;
/** What a process grows by with what it does, whatever that is: code, buffers of sockets, a heap that is not full. */
const NOISE = 48 * MIB;

describe.each(transportsHere)('over %s', (transport) => {
  let hub: FarHub;
  let before: number;
  beforeAll(async () => {
    hub = await FarHub.start({
      transport,
      maxBodyBytes: BODY_LIMIT,
      limits: { requestTimeoutMs: 2_000, helloTimeoutMs: 60_000 },
    });
    // What the first of each costs is not what more of them cost.
    for (let i = 0; i < 3; i++) await ask(1_000, 'x'.repeat(1_000));
    before = (await hub.memory()).rss;
  });
  afterAll(() => hub.stop());

  const post = (headers: string): string =>
    `POST /v1/publish?key=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${hub.token}\r\n${headers}\r\n\r\n`;
  const ask = async (length: number, body: string): Promise<RawClient> => {
    const client = new RawClient(hub.port).send(post(`Content-Length: ${length}`) + body);
    await client.answered();
    return client;
  };
  const isServed = async (): Promise<void> => {
    const client = await ask(1, 'x');
    expect(client.status).toBe('200');
    client.socket.destroy();
  };

  it(`X2: ${SOCKETS} messages in ${PIECES} pieces of a byte each take no more memory than their bytes`, async () => {
    const clients = Array.from({ length: SOCKETS }, () =>
      new RawClient(hub.port).send(handshakeHead(hub.port)),
    );
    await Promise.all(clients.map((client) => client.answered()));
    const piece = clientFrame(0, Buffer.from('x'), false);
    const pieces = Buffer.concat(Array<Uint8Array>(1_000).fill(piece));
    for (const client of clients) {
      client.send(clientFrame(1, Buffer.from('x'), false));
      for (let i = 0; i < PIECES; i += 1_000) client.send(pieces);
    }
    // What is behind them in the same connection has been read when it is answered.
    await isServed();
    expect((await hub.memory()).rss - before).toBeLessThan(NOISE);
    const codes = clients.map(({ received }) => closeCodeOf(received));
    if (transport === 'ws') {
      await Promise.all(clients.map(({ closed }) => closed));
      expect(new Set(clients.map(({ received }) => closeCodeOf(received)))).toEqual(
        new Set([ERRORS['frame-too-large'].code]),
      );
    } else expect(new Set(codes)).toEqual(new Set([undefined]));
    for (const { socket } of clients) socket.destroy();
    await isServed();
  });

  it('X10: a length over the limit is answered 413 before the body comes', async () => {
    const client = await ask(512 * MIB, '');
    expect(client.status).toBe('413');
    // A length of ten digits uWebSockets.js takes for an attack, and cuts.
    const more = await ask(10 * 1024 * MIB, '');
    expect(more.status).toBe(transport === 'ws' ? '413' : undefined);
    for (const { socket } of [client, more]) socket.destroy();
    await isServed();
  });

  it('X10: a length that is not reached is ended by its deadline, and nothing is published', async () => {
    const client = new RawClient(hub.port).send(`${post('Content-Length: 100')}abc`);
    await client.closed;
    expect(client.status).toBe(transport === 'ws' ? '408' : undefined);
    await isServed();
  });

  it('X10: what stands behind a length too small is no request', async () => {
    const client = await ask(3, 'abcNONSENSE\r\n\r\n');
    if (transport === 'ws') {
      await client.closed;
      expect(client.received.toString()).toContain('HTTP/1.1 400 ');
    }
    client.socket.destroy();
    await isServed();
  });

  it.each([
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2'],
    ['a length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked'],
    ['a length that is no number', 'Content-Length: 1e3'],
    ['a negative length', 'Content-Length: -1'],
  ])('X10: %s: nothing is published', async (_, headers) => {
    const client = new RawClient(hub.port).send(`${post(headers)}x\r\n0\r\n\r\n`);
    await Promise.race([client.answered(), client.closed]);
    expect(client.status === undefined || Number(client.status) >= 400).toBe(true);
    client.socket.destroy();
    await isServed();
  });

  it(`X10: ${BODIES} bodies of chunks without an end: 413 at the limit, and no more memory than twice that each`, async () => {
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    const clients = Array.from({ length: BODIES }, () =>
      new RawClient(hub.port).send(post('Transfer-Encoding: chunked')),
    );
    for (let i = 0; i < 64; i++) for (const client of clients) client.send(chunk);
    await Promise.all(clients.map((client) => client.answered()));
    // Whoever is still sending when the hub ends the connection may be reset before it has read the answer.
    const statuses = clients.map(({ status, isClosed }) => status ?? (isClosed ? 'reset' : 'none'));
    expect(new Set(statuses.filter((status) => status !== 'reset'))).toEqual(new Set(['413']));
    expect((await hub.memory()).rss - before).toBeLessThan(2 * BODIES * BODY_LIMIT + NOISE);
    // They go on for ever, but not here.
    for (const client of clients) client.drip('1\r\nx\r\n', 100);
    await Promise.all(clients.map(({ closed }) => closed));
    await isServed();
  });
});
