/** The proxy of the chaos tests: each fault does on the wire what it says, and only that. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fate, type FaultPlan, fateOf, jitterOf, type Line } from './support/connection-fate.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { ProxyLane } from './support/proxy-lane.ts';

/** One end of a connection, and what came there. */
class End {
  readonly chunks: Buffer[] = [];
  ended: 'end' | 'reset' | undefined;
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.chunks.push(chunk));
    socket.on('end', () => {
      this.ended ??= 'end';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') this.ended = 'reset';
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** A server, a proxy before it, and a way to connect a client to a server's end. */
async function scene(plan?: FaultPlan) {
  const ends: End[] = [];
  const server: Server = createServer({ allowHalfOpen: false }, (socket) => ends.push(new End(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await FaultProxy.start((server.address() as AddressInfo).port, plan);
  const clients: End[] = [];
  open.push({
    close: async () => {
      for (const { socket } of [...ends, ...clients]) socket.destroy();
      await proxy.close();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const client = (): End => {
    const end = new End(connect(proxy.port, '127.0.0.1'));
    clients.push(end);
    return end;
  };
  const pair = async (): Promise<[client: End, hub: End]> => {
    const known = ends.length;
    const end = client();
    await expect.poll(() => ends.length, { interval: 1 }).toBe(known + 1);
    return [end, ends[known]!];
  };
  return { proxy, pair, client, ends };
}

const seen = (said: () => unknown, wanted: unknown) => expect.poll(said, { interval: 1 }).toEqual(wanted);
const line = (line: Line): FaultPlan => ({ seed: 1, lines: [[1, line]] });
const cutting = (ending: 'reset' | 'end' | 'half-open' | 'silent', seed = 1): FaultPlan => ({
  seed,
  maxBytes: 1_000,
  endings: { [ending]: 1 },
});
const LONG = 'x'.repeat(2_000);

describe('a proxy', () => {
  it('without faults passes everything on both ways, and the end of one side', async () => {
    const { proxy, pair } = await scene();
    const [client, hub] = await pair();
    const much = 'abc'.repeat(400_000);
    client.socket.write(much);
    await seen(() => hub.text === much, true);
    hub.socket.write('hello');
    await seen(() => client.text, 'hello');
    hub.socket.end('bye');
    await seen(() => [client.text, client.ended], ['hellobye', 'end']);
    expect(proxy.cuts).toBe(0);
  });

  it('passes a reset of one side on as one', async () => {
    const { pair } = await scene();
    const [client, hub] = await pair();
    (client.socket as { resetAndClosing?: boolean }).resetAndClosing = true;
    client.socket.destroy();
    await seen(() => hub.ended, 'reset');
  });

  it('is refused for its clients where nobody listens', async () => {
    const { proxy, client } = await scene();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
    proxy.targetPort = (dead.address() as AddressInfo).port;
    await new Promise((resolve) => dead.close(resolve));
    const end = client();
    await seen(() => end.isClosed, true);
  });

  it('cuts all connections when told, those that are silent already included', async () => {
    const { proxy, pair } = await scene(cutting('silent'));
    const pairs = [await pair(), await pair()];
    pairs[0]![0].socket.write(LONG);
    await seen(() => proxy.cuts, 1);
    proxy.cutAll();
    await seen(() => pairs.flat().every((end) => end.isClosed), true);
    const [client, hub] = await pair();
    client.socket.write('hi');
    await seen(() => hub.text, 'hi');
    proxy.cutAll('reset');
    await seen(() => [client.ended, hub.ended], ['reset', 'reset']);
  });

  it('loses one direction of all connections while told so', async () => {
    const { proxy, pair } = await scene();
    const [client, hub] = await pair();
    proxy.loses = 'to-client';
    hub.socket.write('lost');
    client.socket.write('there');
    await seen(() => hub.text, 'there');
    // The hub's bytes went through the proxy before the answer to these.
    hub.socket.write('lost, too');
    client.socket.write('?');
    await seen(() => hub.text, 'there?');
    proxy.loses = 'nothing';
    hub.socket.write('kept');
    await seen(() => client.text.endsWith('kept'), true);
    expect(client.text).not.toContain('there');
  });
});

describe('a cut', () => {
  it('resets both ends, and passes no more than a part of what came', async () => {
    // Where something arrives with the RST, libuv tells its reader of an end: so nothing does in the first one.
    for (const maxBytes of [1, 1_000]) {
      const { proxy, pair } = await scene({ ...cutting('reset'), maxBytes });
      const [client, hub] = await pair();
      client.socket.write(LONG);
      await seen(() => [client.ended, hub.isClosed], ['reset', true]);
      if (maxBytes === 1) expect(hub.ended).toBe('reset');
      expect(hub.text.length).toBeLessThan(maxBytes);
      expect([...proxy.kinds]).toEqual([['reset', 1]]);
    }
  });

  it('ends both ends, and the part before it has arrived, also over a slow line', async () => {
    const plan: FaultPlan = { ...cutting('end'), lines: [[1, { latencyMs: 5, sliceBytes: 50 }]] };
    const { pair } = await scene(plan);
    const [client, hub] = await pair();
    client.socket.write(LONG);
    await seen(() => [client.ended, hub.ended], ['end', 'end']);
    expect(hub.text.length).toBe(fateOf(plan, 1).livesBytes['to-hub']);
  });

  it('comes within what flows once its time is over', async () => {
    const plan: FaultPlan = { seed: 1, maxMs: 30, endings: { end: 1 } };
    const { livesMs, lastShare } = fateOf(plan, 1);
    const { proxy, pair } = await scene(plan);
    const openedMs = performance.now();
    const [client, hub] = await pair();
    let sent = 0;
    for (; !hub.isClosed; sent++) {
      client.socket.write('x'.repeat(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(performance.now() - openedMs).toBeGreaterThanOrEqual(livesMs - 1);
    expect(proxy.cuts).toBe(1);
    expect(hub.text.length).toBeLessThan(sent * 100);
    expect(lastShare).not.toBe(fateOf(plan, 2).lastShare);
  });

  it('half-open lets one direction die without a word, and the other live on', async () => {
    // Of the first connections, one loses what goes to the hub, another what comes from there.
    for (const losing of ['to-hub', 'to-client'] as const) {
      const seed = [...Array(50).keys()].find(
        (seed) => fateOf(cutting('half-open', seed), 1).losing === losing,
      )!;
      const { proxy, pair } = await scene(cutting('half-open', seed));
      const [client, hub] = await pair();
      const [dead, living] = losing === 'to-hub' ? [client, hub] : [hub, client];
      dead.socket.write(LONG);
      await seen(() => proxy.cuts, 1);
      const before = fateOf(cutting('half-open', seed), 1).livesBytes[losing];
      await seen(() => living.text.length, before);
      dead.socket.write('nobody hears this');
      living.socket.write('goes on');
      await seen(() => dead.text, 'goes on');
      dead.socket.end();
      // The end of the one is not told either; that of the other is.
      living.socket.write('!');
      await seen(() => dead.text, 'goes on!');
      expect([living.text.length, living.ended, living.isClosed]).toEqual([before, undefined, false]);
      living.socket.end();
      await seen(() => [dead.ended, dead.isClosed], ['end', true]);
      expect([...proxy.kinds]).toEqual([['half-open', 1]]);
    }
  });

  it('half-open takes nothing out of the direction that lives on, though what flows there brings the cut about', async () => {
    const seed = [...Array(50).keys()].find(
      (seed) => fateOf(cutting('half-open', seed), 1).losing === 'to-client',
    )!;
    const { proxy, pair } = await scene(cutting('half-open', seed));
    const [client, hub] = await pair();
    client.socket.write(LONG);
    await seen(() => proxy.cuts, 1);
    client.socket.write('and on');
    await seen(() => hub.text, `${LONG}and on`);
    hub.socket.write('nobody hears this');
    client.socket.end();
    await seen(() => hub.ended, 'end');
    expect(client.text).toBe('');
  });

  it('silent leaves both ends without a word', async () => {
    const { proxy, pair } = await scene(cutting('silent'));
    const [client, hub] = await pair();
    client.socket.write(LONG);
    await seen(() => proxy.cuts, 1);
    const heard = fateOf(cutting('silent'), 1).livesBytes['to-hub'];
    await seen(() => hub.text.length, heard);
    hub.socket.write('nobody hears this');
    client.socket.end('nor this');
    // Another connection has come and gone meanwhile.
    proxy.isCutting = false;
    const [other, there] = await pair();
    other.socket.end('over');
    await seen(() => [there.text, there.ended, other.isClosed], ['over', 'end', true]);
    expect([client.text, client.ended, hub.text.length, hub.ended]).toEqual([
      '',
      undefined,
      heard,
      undefined,
    ]);
  });

  it('is a black hole where a connection is accepted and leads nowhere', async () => {
    const { proxy, client, ends } = await scene({ seed: 1, blackHoles: 1 });
    const lost = client();
    lost.socket.write('anybody?');
    await seen(() => proxy.cuts, 1);
    proxy.isCutting = false;
    const found = client();
    found.socket.write('anybody else?');
    await seen(() => ends.map((end) => end.text), ['anybody else?']);
    expect([lost.socket.readyState, lost.ended, [...proxy.kinds]]).toEqual([
      'open',
      undefined,
      [['black-hole', 1]],
    ]);
  });
});

describe('a line', () => {
  // Lower bounds only: they hold on any machine, however busy.
  it('comes late by its latency, each way', async () => {
    const { pair } = await scene(line({ latencyMs: 40 }));
    const [client, hub] = await pair();
    const sentMs = performance.now();
    client.socket.write('ping');
    await seen(() => hub.text, 'ping');
    hub.socket.write('pong');
    await seen(() => client.text, 'pong');
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(79);
  });

  it('keeps the order where it jitters, and jitters as its seed says', async () => {
    const plan = line({ jitterMs: 20 });
    const { pair } = await scene(plan);
    const [client, hub] = await pair();
    const sentMs = performance.now();
    const words = Array.from({ length: 20 }, (_, i) => `${i} `);
    for (const word of words) {
      client.socket.write(word);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await seen(() => hub.text, words.join(''));
    const first = jitterOf(plan, 1, 'to-hub')();
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(first * 20 - 1);
    expect(jitterOf(plan, 1, 'to-client')()).not.toBe(first);
    expect(jitterOf(plan, 2, 'to-hub')()).not.toBe(first);
  });

  it('passes single bytes where it slices', async () => {
    const { pair } = await scene(line({ sliceBytes: 1 }));
    const [client, hub] = await pair();
    client.socket.write('one after the other');
    await seen(() => hub.text, 'one after the other');
    // The reader may be late and find two at once.
    expect(hub.chunks.length).toBeGreaterThan(10);
  });

  it('slices the first bytes only where it is told so', async () => {
    const { pair } = await scene(line({ sliceBytes: 1, slicedBytes: 30 }));
    const [client, hub] = await pair();
    client.socket.write('x'.repeat(5_000));
    await seen(() => hub.text.length, 5_000);
    expect(hub.chunks[0]!.length).toBeLessThan(30);
    expect(hub.chunks.length).toBeLessThan(100);
  });

  it('passes no more than its rate', async () => {
    const { pair } = await scene(line({ bytesPerSec: 40_000 }));
    const [client, hub] = await pair();
    const sentMs = performance.now();
    client.socket.write('x'.repeat(8_000));
    await seen(() => hub.text.length, 8_000);
    // The last piece goes when those before it have passed.
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(175);
  });

  it('holds up a sender that is faster than the line, or than who reads', () => {
    for (const slow of [{}, { bytesPerSec: 1_000 }]) {
      const [from, to] = [new PassThrough(), new PassThrough()];
      const lane = new ProxyLane(from as never, to as never, slow, () => 0);
      const block = Buffer.alloc(64 * 1024);
      let passed = 0;
      for (; !from.isPaused() && passed < 100; passed++) lane.pass(block);
      expect(passed).toBeLessThan(10);
      lane.stop();
    }
  });

  it('reads on once there is room', async () => {
    const [from, to] = [new PassThrough(), new PassThrough()];
    const lane = new ProxyLane(from as never, to as never, {}, () => 0);
    while (!from.isPaused()) lane.pass(Buffer.alloc(64 * 1024));
    to.resume();
    await seen(() => from.isPaused(), false);
  });
});

describe('a fate', () => {
  const plan: FaultPlan = {
    seed: 7,
    maxBytes: 500,
    endings: { reset: 1, end: 2, 'half-open': 1 },
    lines: [
      [3, {}],
      [1, { latencyMs: 10 }],
    ],
    blackHoles: 0.1,
  };
  const fates = (plan: FaultPlan) => Array.from({ length: 2_000 }, (_, i) => fateOf(plan, i + 1));

  it('follows from the seed and the number of the connection', () => {
    expect(fates(plan)).toEqual(fates(plan));
    expect(fates(plan)).not.toEqual(fates({ ...plan, seed: 8 }));
  });

  it('is as often as its weight says', () => {
    const all = fates(plan);
    const share = (is: (fate: Fate) => boolean) => all.filter(is).length / all.length;
    expect(share(({ ending }) => ending === 'end')).toBeCloseTo(0.5, 1);
    expect(share(({ ending }) => ending === 'silent')).toBe(0);
    expect(share(({ line }) => line.latencyMs === 10)).toBeCloseTo(0.25, 1);
    expect(share(({ isBlackHole }) => isBlackHole)).toBeCloseTo(0.1, 1);
    expect(share(({ livesBytes }) => livesBytes['to-hub'] < 250)).toBeCloseTo(0.5, 1);
    expect(all.every(({ livesBytes }) => livesBytes['to-client'] < 500)).toBe(true);
  });
});
