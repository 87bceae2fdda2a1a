/** The memory transport: the suite, and what its links can do to a connection. */
import { describe, expect, it } from 'vitest';
import { type ClientEnd, MemoryTransport, type StepKind } from '../../server/src/transports/memory.ts';
import { Accepted, Client, SUITE_LIMITS, transportSuite } from './transport-suite.ts';

transportSuite('memory', async () => {
  // A client that never answers is no matter of this suite: nothing waits for the grace period.
  const transport = new MemoryTransport((kind, step) => {
    if (kind !== 'close-grace') setImmediate(step);
  });
  return {
    transport,
    address: '192.0.2.7',
    connect: (subprotocol) => transport.connect(subprotocol, '192.0.2.7'),
    stall: (peer: ClientEnd) => peer.link.stall('client'),
    unstall: (peer: ClientEnd) => peer.link.unstall('client'),
    cut: (peer: ClientEnd) => peer.link.cut('lost'),
    dispose: () => transport.close(),
  };
});

/** Steps run when the test says so. */
class Steps {
  #waiting: { kind: StepKind; step: () => void }[] = [];

  readonly schedule = (kind: StepKind, step: () => void): void => {
    this.#waiting.push({ kind, step });
  };

  /** Runs steps of these kinds (all but the grace period by default) until none is left. */
  run(...kinds: StepKind[]): void {
    const wanted = kinds.length > 0 ? kinds : (['connect', 'to-hub', 'to-client', 'broken'] as const);
    for (;;) {
      const index = this.#waiting.findIndex(({ kind }) => wanted.includes(kind as never));
      if (index < 0) return;
      this.#waiting.splice(index, 1)[0]?.step();
    }
  }

  /** Runs everything that waits now, last first. */
  runBackwards(): void {
    const waiting = this.#waiting.splice(0).reverse();
    for (const { step } of waiting) step();
  }
}

function setup() {
  const steps = new Steps();
  const transport = new MemoryTransport(steps.schedule);
  const accepted: Accepted[] = [];
  transport.start((socket) => {
    const handler = new Accepted(socket);
    accepted.push(handler);
    return handler;
  }, SUITE_LIMITS);
  const events: string[] = [];
  const peer = transport.connect();
  new Client(peer);
  const { onopen } = peer;
  peer.onopen = (event) => {
    events.push('open');
    onopen?.(event);
  };
  peer.onmessage = ({ data }) => void events.push(`message ${data}`);
  peer.onerror = () => void events.push('error');
  peer.onclose = ({ code, wasClean }) => void events.push(`close ${code} ${wasClean}`);
  return { steps, transport, peer, events, accepted, hub: () => accepted[0] as Accepted };
}

describe('a memory link', () => {
  it('does nothing before the scheduler says so', () => {
    const { steps, peer, events, hub } = setup();
    expect(peer.readyState).toBe(0);
    expect(() => peer.send('too early')).toThrow();
    steps.run();
    peer.send('a');
    hub().socket.send('b');
    expect(hub().calls).toEqual([]);
    steps.run('to-client');
    expect(events).toEqual(['open', 'message b']);
    steps.run();
    expect(hub().calls).toEqual(['message a']);
  });

  it('keeps the order of a direction even where steps run in another order', () => {
    const { steps, peer, events, hub } = setup();
    steps.run();
    for (const text of ['1', '2', '3']) {
      peer.send(text);
      hub().socket.send(text);
    }
    steps.runBackwards();
    expect(hub().calls).toEqual(['message 1', 'message 2', 'message 3']);
    expect(events).toEqual(['open', 'message 1', 'message 2', 'message 3']);
  });

  it('cut at once loses what is under way, both ways', () => {
    const { steps, peer, events, hub } = setup();
    steps.run();
    peer.send('a');
    hub().socket.send('b');
    peer.link.cut('lost');
    steps.run();
    expect(hub().calls).toEqual(['closed']);
    expect(events).toEqual(['open', 'error', 'close 1006 false']);
  });

  it('cut after what is under way delivers it first', () => {
    const { steps, peer, events, hub } = setup();
    steps.run();
    peer.send('a');
    hub().socket.send('b');
    peer.link.cut('delivered');
    peer.send('c');
    steps.run();
    expect(hub().calls).toEqual(['message a', 'closed']);
    expect(events).toEqual(['open', 'message b', 'error', 'close 1006 false']);
  });

  it.each(['lost', 'delivered'] as const)(
    'cut (%s) while it connects fails, in whatever order',
    (underWay) => {
      for (const order of ['forwards', 'backwards'] as const) {
        const { steps, peer, events, accepted } = setup();
        peer.link.cut(underWay);
        if (order === 'backwards') steps.runBackwards();
        steps.run();
        expect(events.filter((event) => event.startsWith('close'))).toEqual(['close 1006 false']);
        for (const handler of accepted) expect(handler.calls).toEqual(['closed']);
      }
    },
  );

  it('half-open at the client leaves the hub in the dark until it gives up', () => {
    const { steps, peer, events, hub } = setup();
    steps.run();
    peer.link.halfOpen('client');
    hub().socket.send('into the void');
    hub().socket.close(4002, '');
    steps.run();
    expect(hub().calls).toEqual([]);
    steps.run('close-grace');
    steps.run();
    expect(hub().calls).toEqual(['closed']);
    expect(events).toEqual(['open']);
  });

  it('half-open at the hub leaves the client in the dark until it gives up', () => {
    const { steps, peer, events, hub } = setup();
    steps.run();
    peer.link.halfOpen('hub');
    peer.link.unstall('hub');
    peer.send('into the void');
    hub().socket.send('still comes through');
    peer.close(1000);
    steps.run();
    expect(events).toEqual(['open']);
    steps.run('close-grace');
    expect(events).toEqual(['open', 'error', 'close 1006 false']);
    expect(hub().calls).toEqual([]);
    hub().socket.terminate();
    steps.run();
    expect(hub().calls).toEqual(['closed']);
  });

  it('stalled at the hub counts with the client, and loses nothing', () => {
    const { steps, peer, hub } = setup();
    steps.run();
    peer.link.stall('hub');
    const message = 'x'.repeat(SUITE_LIMITS.maxFrameBytes);
    for (let i = 0; i < 200; i++) peer.send(message);
    steps.run();
    expect(peer.bufferedAmount).toBeGreaterThan(100_000);
    expect(hub().calls).toEqual([]);
    peer.link.unstall('hub');
    steps.run();
    expect(peer.bufferedAmount).toBe(0);
    expect(hub().calls).toHaveLength(200);
  });

  it('closes while it connects without ever opening', () => {
    const { steps, peer, events, accepted } = setup();
    peer.close();
    steps.run();
    expect(events).toEqual(['error', 'close 1006 false']);
    expect(accepted).toEqual([]);
  });
});
