/**
 * What every transport must do (server/src/ports/transport.ts), seen from both ends of real connections.
 *
 * An adapter's test gives a harness that opens client ends and can stop them from reading; the suite waits for
 * events only, never for time.
 */
import { ERRORS, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DRAINED_BELOW_BYTES,
  type Message,
  type Socket,
  type SocketHandler,
  type Transport,
} from '../../server/src/ports/transport.ts';

/** The part of a WebSocket that the suite uses; the handlers of `ws` and of browsers fit. */
export interface Peer {
  readonly protocol: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: every kind of WebSocket has event types of its own
  onopen: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onmessage: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onclose: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onerror: ((event: any) => void) | null;
}

export interface TransportHarness<P extends Peer = Peer> {
  readonly transport: Transport;
  /** Where the hub finds its clients. */
  readonly address: string;
  /** Begins to connect, with a subprotocol. */
  connect(subprotocol: string): P;
  /** Keeps a client from reading until it may again. */
  stall(peer: P): void;
  unstall(peer: P): void;
  /** Breaks the connection without a closing handshake, from the client's side. */
  cut(peer: P): void;
  /** Closes the transport first. */
  dispose(): Promise<void>;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A message as the suite compares it: bytes in angle brackets, in hexadecimal. */
export const shown = (data: string | Uint8Array | ArrayBuffer): string =>
  typeof data === 'string' ? data : `<${Buffer.from(data as Uint8Array).toString('hex')}>`;

/** A client end whose events can be awaited. */
export class Client<P extends Peer> {
  readonly messages: string[] = [];
  readonly opened: Promise<boolean>;
  readonly closed: Promise<Closed>;
  readonly peer: P;
  #wake: () => void = () => {};

  constructor(peer: P) {
    this.peer = peer;
    peer.onmessage = ({ data }) => {
      this.messages.push(shown(data));
      this.#wake();
    };
    peer.onerror = () => {};
    let fail: (opened: boolean) => void;
    this.opened = new Promise((resolve) => {
      fail = resolve;
      peer.onopen = () => resolve(true);
    });
    this.closed = new Promise((resolve) => {
      peer.onclose = ({ code, reason }) => {
        fail(false);
        resolve({ code, reason });
      };
    });
  }

  /** Resolves once `count` messages have come. */
  async received(count: number): Promise<readonly string[]> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages;
  }
}

/** The hub's side of one connection: every call of its handler, in order. */
export class Accepted implements SocketHandler {
  readonly calls: string[] = [];
  readonly socket: Socket;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
  }

  message(message: Message): void {
    this.#record(`message ${shown(message)}`);
  }

  drained(): void {
    this.#record('drained');
  }

  closed(): void {
    this.#record('closed');
  }

  /** Resolves once a call has been made. */
  async called(call: string): Promise<void> {
    while (!this.calls.includes(call)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #record(call: string): void {
    this.calls.push(call);
    this.#wake();
  }
}

export const SUITE_LIMITS = { maxFrameBytes: 1_000, maxConnections: 3 };

export function transportSuite<P extends Peer>(
  name: string,
  setup: () => Promise<TransportHarness<P>>,
): void {
  describe(`the ${name} transport`, () => {
    let harness: TransportHarness<P>;
    let accepted: Accepted[];
    let onAccept: (socket: Accepted) => void;

    beforeEach(async () => {
      harness = await setup();
      accepted = [];
      onAccept = () => {};
      harness.transport.start((socket) => {
        const handler = new Accepted(socket);
        accepted.push(handler);
        onAccept(handler);
        return handler;
      }, SUITE_LIMITS);
    });

    afterEach(() => harness.dispose());

    const open = async (subprotocol = SUBPROTOCOL_JSON): Promise<[client: Client<P>, hub: Accepted]> => {
      const client = new Client(harness.connect(subprotocol));
      expect(await client.opened).toBe(true);
      return [client, accepted.at(-1) as Accepted];
    };

    it.each([SUBPROTOCOL_JSON, SUBPROTOCOL_BINARY])('opens with the subprotocol %s', async (subprotocol) => {
      const [client, hub] = await open(subprotocol);
      expect(client.peer.protocol).toBe(subprotocol);
      expect(hub.socket.subprotocol).toBe(subprotocol);
      expect(hub.socket.address).toBe(harness.address);
      expect(hub.socket.bufferedBytes).toBe(0);
    });

    it('carries messages whole and in order, both ways', async () => {
      const [client, hub] = await open();
      const sent = Array.from({ length: 100 }, (_, i) => `${i} ${'é🦀\n'.repeat(i % 7)}`);
      for (const message of sent) client.peer.send(message);
      await hub.called(`message ${sent.at(-1)}`);
      expect(hub.calls).toEqual(sent.map((message) => `message ${message}`));
      for (const message of sent) hub.socket.send(message);
      expect(await client.received(sent.length)).toEqual(sent);
    });

    it('carries an empty message', async () => {
      const [client, hub] = await open();
      client.peer.send('');
      await hub.called('message ');
      hub.socket.send('');
      expect(await client.received(1)).toEqual(['']);
    });

    it('carries what is sent while the connection is being accepted', async () => {
      onAccept = ({ socket }) => socket.send('first');
      const [client] = await open();
      expect(await client.received(1)).toEqual(['first']);
    });

    it('keeps connections apart', async () => {
      const [one, hubOfOne] = await open();
      const [two, hubOfTwo] = await open();
      one.peer.send('from one');
      two.peer.send('from two');
      await hubOfOne.called('message from one');
      await hubOfTwo.called('message from two');
      one.peer.close(1000);
      await hubOfOne.called('closed');
      hubOfTwo.socket.send('still here');
      expect(await two.received(1)).toEqual(['still here']);
      expect(hubOfTwo.calls).toEqual(['message from two']);
    });

    it('tells a close by the client once', async () => {
      const [client, hub] = await open();
      client.peer.close(1000, 'done');
      await hub.called('closed');
      expect((await client.closed).code).toBe(1000);
      expect(hub.calls).toEqual(['closed']);
    });

    it('tells a broken connection once', async () => {
      const [client, hub] = await open();
      harness.cut(client.peer);
      await hub.called('closed');
      expect((await client.closed).code).toBe(1006);
      expect(hub.calls).toEqual(['closed']);
    });

    it('closes with a code and a reason, after what was sent before', async () => {
      const [client, hub] = await open();
      hub.socket.send('last words');
      hub.socket.close(ERRORS['taken-over'].code, ERRORS['taken-over'].text);
      expect(await client.closed).toEqual({
        code: ERRORS['taken-over'].code,
        reason: ERRORS['taken-over'].text,
      });
      expect(client.messages).toEqual(['last words']);
      await hub.called('closed');
    });

    it('hands up nothing after a close of its own, and ignores what is sent then', async () => {
      const [client, hub] = await open();
      hub.socket.close(1000, '');
      client.peer.send('too late');
      hub.socket.send('too late');
      hub.socket.close(1011, 'twice');
      expect((await client.closed).code).toBe(1000);
      await hub.called('closed');
      hub.socket.send('much too late');
      hub.socket.close(1000, '');
      hub.socket.terminate();
      await open();
      expect(hub.calls).toEqual(['closed']);
      expect(client.messages).toEqual([]);
    });

    it('terminates without a handshake', async () => {
      const [client, hub] = await open();
      hub.socket.terminate();
      await hub.called('closed');
      expect((await client.closed).code).toBe(1006);
      expect(hub.calls).toEqual(['closed']);
    });

    it('may be closed while the connection is being accepted', async () => {
      onAccept = ({ socket }) => socket.close(ERRORS.unauthorized.code, ERRORS.unauthorized.text);
      const client = new Client(harness.connect(SUBPROTOCOL_JSON));
      expect((await client.closed).code).toBe(ERRORS.unauthorized.code);
      await accepted[0]?.called('closed');
      expect(accepted[0]?.calls).toEqual(['closed']);
    });

    it('takes a message of exactly the limit, counted in bytes of UTF-8', async () => {
      const [client, hub] = await open();
      const message = 'é'.repeat(SUITE_LIMITS.maxFrameBytes / 2);
      client.peer.send(message);
      await hub.called(`message ${message}`);
    });

    it('closes with frame-too-large above the limit', async () => {
      const [client, hub] = await open();
      client.peer.send('before');
      client.peer.send(`é${'x'.repeat(SUITE_LIMITS.maxFrameBytes - 1)}`);
      expect(await client.closed).toEqual({
        code: ERRORS['frame-too-large'].code,
        reason: ERRORS['frame-too-large'].text,
      });
      await hub.called('closed');
      expect(hub.calls).toEqual(['message before', 'closed']);
    });

    it('carries bytes as bytes and text as text, both ways', async () => {
      const [client, hub] = await open(SUBPROTOCOL_BINARY);
      client.peer.send(new Uint8Array([0, 255, 10]));
      client.peer.send('text');
      client.peer.send(new Uint8Array());
      await hub.called('message <>');
      expect(hub.calls).toEqual(['message <00ff0a>', 'message text', 'message <>']);
      hub.socket.send(new Uint8Array([9, 0, 128]).subarray(1));
      hub.socket.send('text');
      expect(await client.received(2)).toEqual(['<0080>', 'text']);
    });

    it('gives bytes back to their owner as soon as they are sent, also where they wait', async () => {
      const [client, hub] = await open(SUBPROTOCOL_BINARY);
      harness.stall(client.peer);
      const bytes = new Uint8Array(64 * 1024);
      let sent = 0;
      while (hub.socket.bufferedBytes < DRAINED_BELOW_BYTES) {
        bytes.fill(sent++);
        hub.socket.send(bytes);
        bytes.fill(255);
        await new Promise((resolve) => setImmediate(resolve));
      }
      harness.unstall(client.peer);
      const messages = await client.received(sent);
      expect(messages.map((message) => message.slice(0, 3))).toEqual(
        messages.map((_, i) => `<${i.toString(16).padStart(2, '0')}`),
      );
      expect(messages.findIndex((message) => message.includes('ff'))).toBe(-1);
    });

    it('takes a binary message of exactly the limit, and closes with frame-too-large above it', async () => {
      const [client, hub] = await open(SUBPROTOCOL_BINARY);
      const message = new Uint8Array(SUITE_LIMITS.maxFrameBytes);
      client.peer.send(message);
      await hub.called(`message ${shown(message)}`);
      client.peer.send(new Uint8Array(SUITE_LIMITS.maxFrameBytes + 1));
      expect((await client.closed).code).toBe(ERRORS['frame-too-large'].code);
    });

    it('counts what a client does not read, and tells once when it is drained', async () => {
      const [client, hub] = await open();
      harness.stall(client.peer);
      const chunk = 'x'.repeat(64 * 1024);
      let sent = 0;
      while (hub.socket.bufferedBytes < 2 * DRAINED_BELOW_BYTES) {
        hub.socket.send(chunk);
        sent += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(hub.calls).toEqual([]);
      harness.unstall(client.peer);
      await hub.called('drained');
      expect(hub.socket.bufferedBytes).toBeLessThan(DRAINED_BELOW_BYTES);
      await client.received(sent);
      expect(hub.calls).toEqual(['drained']);
      expect(hub.socket.bufferedBytes).toBe(0);
    });

    it('does not tell of draining again before much is buffered again', async () => {
      const [client, hub] = await open();
      let sent = 0;
      const fill = async (bytes: number, chunk: string) => {
        harness.stall(client.peer);
        while (hub.socket.bufferedBytes < bytes) {
          hub.socket.send(chunk);
          sent += 1;
          await new Promise((resolve) => setImmediate(resolve));
        }
        harness.unstall(client.peer);
      };
      await fill(2 * DRAINED_BELOW_BYTES, 'x'.repeat(64 * 1024));
      await hub.called('drained');
      await client.received(sent);
      await fill(1, 'x'.repeat(16 * 1024));
      await client.received(sent);
      client.peer.send('end');
      await hub.called('message end');
      expect(hub.calls).toEqual(['drained', 'message end']);
    });

    it('does not tell of draining where little was buffered', async () => {
      const [client, hub] = await open();
      for (let i = 0; i < 10; i++) hub.socket.send('x'.repeat(1000));
      await client.received(10);
      client.peer.send('end');
      await hub.called('message end');
      expect(hub.calls).toEqual(['message end']);
    });

    it('does not tell of draining after a close', async () => {
      const [client, hub] = await open();
      harness.stall(client.peer);
      while (hub.socket.bufferedBytes < 2 * DRAINED_BELOW_BYTES) {
        hub.socket.send('x'.repeat(64 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      hub.socket.close(ERRORS['slow-consumer'].code, '');
      harness.unstall(client.peer);
      expect((await client.closed).code).toBe(ERRORS['slow-consumer'].code);
      await hub.called('closed');
      expect(hub.calls).toEqual(['closed']);
    });

    it('refuses connections over the limit, and takes new ones when others have gone', async () => {
      const [first, hubOfFirst] = await open();
      for (let i = 1; i < SUITE_LIMITS.maxConnections; i++) await open();
      const refused = new Client(harness.connect(SUBPROTOCOL_JSON));
      expect(await refused.opened).toBe(false);
      expect(accepted).toHaveLength(SUITE_LIMITS.maxConnections);
      first.peer.close(1000);
      await hubOfFirst.called('closed');
      await open();
    });

    it('refuses new connections after stopAccepting and keeps the others', async () => {
      const [client, hub] = await open();
      harness.transport.stopAccepting();
      expect(await new Client(harness.connect(SUBPROTOCOL_JSON)).opened).toBe(false);
      hub.socket.send('still here');
      expect(await client.received(1)).toEqual(['still here']);
    });

    it('drops every connection when it is closed', async () => {
      const both = [await open(), await open()];
      await harness.transport.close();
      for (const [client, hub] of both) {
        expect(hub.calls).toEqual(['closed']);
        expect((await client.closed).code).toBe(1006);
      }
      expect(await new Client(harness.connect(SUBPROTOCOL_JSON)).opened).toBe(false);
      await harness.transport.close();
    });

    it('lets a close that has begun reach the client before it is closed itself', async () => {
      const [client, hub] = await open();
      hub.socket.send('last words');
      hub.socket.close(ERRORS.draining.code, ERRORS.draining.text);
      await harness.transport.close();
      expect(hub.calls).toEqual(['closed']);
      expect((await client.closed).code).toBe(ERRORS.draining.code);
      expect(client.messages).toEqual(['last words']);
    });
  });
}
