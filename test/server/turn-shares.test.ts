/**
 * What one connection may have done in a turn of the loop, and how it waits for the next: so that nobody else's messages wait for what one
 * client sends at once (PROTOCOL §15, X6).
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { HubScene } from './support/hub-scene.ts';
import type { RawFrame, ScriptedClient } from './support/scripted-client.ts';
import { BINARY_WIRE, JSON_WIRE } from './support/wire-codec.ts';

const TOPIC = 'amq.topic';
const commands = (count: number, from = 1): RawFrame[] =>
  Array.from({ length: count }, (_, i): RawFrame => ['bind', from + i, 99, TOPIC, 'k']);
const publishes = (count: number, from = 1): RawFrame[] =>
  Array.from(
    { length: count },
    (_, i): RawFrame => ['publish', from + i, TOPIC, 'k', `m${from + i}`, { contentType: 'text/plain' }],
  );
const refs = (client: ScriptedClient) => client.all('error').map(({ ref }) => ref);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe.each([
  ['JSON', JSON_WIRE],
  ['binary', BINARY_WIRE],
])('in %s, a connection', (_, codec) => {
  const begin = (options: ConstructorParameters<typeof HubScene>[0] = {}) => {
    const scene = new HubScene(options);
    const client = scene.connect(codec);
    const welcome = client.hello();
    return { scene, client, welcome };
  };

  it('has eight commands done in a turn, and the rest in the next ones, in order', () => {
    const { scene, client } = begin();
    client.sendNow(...commands(20));
    const answered: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      scene.clock.turn();
      answered.push(refs(client).length);
    }
    expect(answered).toEqual([8, 16, 20, 20, 20]);
    expect(refs(client)).toEqual(upTo(20));
  });

  it('has them counted over messages', () => {
    const { scene, client } = begin();
    for (const command of commands(20)) client.sendNow(command);
    scene.clock.turn();
    expect(refs(client)).toEqual(upTo(8));
    scene.clock.settle();
    expect(refs(client)).toEqual(upTo(20));
  });

  it('has 1,024 publishes done in a turn', () => {
    const { scene, client } = begin();
    const subscriber = scene.client('bob');
    subscriber.subscribe({ bindings: [[TOPIC, 'k']], prefetch: 3_000, capacity: 3_000 });
    client.sendNow(...publishes(2_500));
    expect(scene.hub.stats().publishes.taken).toBe(1_024);
    scene.clock.turn();
    expect(scene.hub.stats().publishes.taken).toBe(2_048);
    scene.clock.settle();
    expect(subscriber.deliveries()).toEqual(upTo(2_500).map((n) => `${n}:k`));
  });

  it('lets others have theirs done in between', () => {
    const { scene, client } = begin();
    const other = scene.client('bob');
    client.sendNow(...commands(100));
    scene.clock.turn();
    other.sendNow(...publishes(1));
    scene.clock.turn();
    expect(other.all('confirm')).toHaveLength(1);
    expect(refs(client).length).toBeLessThan(30);
    scene.clock.settle();
    expect(refs(client)).toEqual(upTo(100));
  });

  it('may use the bytes of a message again once it was told', () => {
    const { scene, client } = begin();
    const message = codec.message(commands(20));
    client.handler.message(message);
    client.handler.message(codec.message(commands(1, 21)));
    const second = codec.message(commands(2, 22));
    client.handler.message(second);
    for (const sent of [message, second]) if (typeof sent !== 'string') sent.fill(0xff);
    scene.clock.settle();
    expect(refs(client)).toEqual(upTo(23));
    expect(client.closeCode).toBeUndefined();
  });

  it('has all done that came before its end, and parks then', () => {
    const { scene, client, welcome } = begin();
    client.sendNow(...publishes(1_500));
    client.socket.terminate();
    client.handler.closed();
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 0 });
    scene.clock.settle();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
    const again = scene.connect(codec);
    expect(again.resume(welcome)).toMatchObject({ resumed: true, publishSeq: 1_500 });
  });

  it('has nothing more done once the hub has ended it', () => {
    const { scene, client } = begin();
    client.sendNow(...publishes(1_200), ['bye'], ...publishes(10, 1_201));
    scene.clock.settle();
    expect(scene.hub.stats().publishes.taken).toBe(1_200);
    expect(client.closeCode).toBe(1000);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 0 });
  });

  it('ends where what waits for its turn is no frame', () => {
    const { scene, client } = begin();
    client.sendNow(...commands(20));
    client.handler.message(codec === JSON_WIRE ? 'nonsense' : new Uint8Array([99]));
    client.sendNow(...publishes(1));
    scene.clock.settle();
    expect(refs(client)).toEqual(upTo(20));
    expect(client.closeCode).toBe(ERRORS['bad-frame'].code);
    expect(scene.hub.stats().publishes.taken).toBe(0);
  });

  it('that is far behind has more done in a turn, and is not read from until it has caught up', () => {
    const { scene, client } = begin({ session: { maxRefusalsBurst: 10_000 } });
    const calls: string[] = [];
    Object.assign(client.socket, { pause: () => calls.push('pause'), resume: () => calls.push('resume') });
    const wide = (ref: number): RawFrame => ['bind', ref, 99, TOPIC, 'k'.repeat(200)];
    const count = 4_000;
    for (let ref = 1; ref <= count; ref++) client.sendNow(wide(ref));
    expect(calls).toEqual(['pause']);
    // With eight in each it would be 500.
    for (let turn = 0; turn < 300; turn++) scene.clock.turn();
    expect(refs(client)).toEqual(upTo(count));
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('is closed with rate-limited where more waits than it may have', () => {
    const { scene, client } = begin({ limits: { maxBacklogBytes: 100_000 } });
    const filler = codec.message([['publish', 1, TOPIC, 'k', 'x'.repeat(10_000)]]);
    client.sendNow(...commands(8));
    const fits = Math.floor(100_000 / (filler.length + 128));
    for (let i = 0; i < fits; i++) client.handler.message(filler);
    expect(client.closeCode).toBeUndefined();
    client.handler.message(filler);
    expect(client.closeCode).toBe(ERRORS['rate-limited'].code);
    scene.clock.settle();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
  });
});

describe('a connection that has much refused', () => {
  const session = { maxRefusalsPerSec: 50, maxRefusalsBurst: 10 };

  it('is read from no faster than it may be refused, and what it sends still counts', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...commands(100));
    // Eight are read together, and the first of the second eight that finds the bucket empty ends it.
    expect(refs(client)).toHaveLength(16);
    client.send(...publishes(1));
    expect(client.all('confirm')).toEqual([]);
    scene.clock.advance(1_000);
    expect(refs(client).length).toBeGreaterThan(40);
    expect(refs(client).length).toBeLessThan(16 + 50 + 50);
    scene.clock.advance(2_000);
    expect(refs(client)).toEqual(upTo(100));
    expect(client.all('confirm')).toHaveLength(1);
    expect(client.closeCode).toBeUndefined();
  });

  it('is slowed by commands with a wrong field, too', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...upTo(100).map((ref): RawFrame => ['subscribe', ref, 5]));
    expect(refs(client)).toHaveLength(16);
    scene.clock.advance(3_000);
    expect(refs(client)).toEqual(upTo(100));
    expect(client.closeCode).toBeUndefined();
  });

  it('costs nobody else a turn', () => {
    const scene = new HubScene({ session });
    const [client, other] = [scene.client(), scene.client('bob')];
    client.send(...commands(100));
    other.send(...publishes(1), ...commands(5));
    expect([other.all('confirm').length, refs(other).length]).toEqual([1, 5]);
  });

  it('may go on as it did once it has rested', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...commands(10));
    scene.clock.advance(1_000);
    client.send(...commands(10, 11));
    expect(refs(client)).toEqual(upTo(20));
  });

  it('parks at its end, whatever was still waiting', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...commands(100));
    client.cut();
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
    scene.clock.advance(1_000);
    expect(scene.hub.stats().sessions).toEqual({ attached: 0, parked: 1 });
  });

  it('is none whose publishes are refused: a full queue says so as often as it is asked', () => {
    const scene = new HubScene({ session });
    const client = scene.client();
    client.send(...Array.from({ length: 100 }, (_, i): RawFrame => ['publish', i + 1, 'nowhere', 'k', 'x']));
    expect(client.all('refused')).toHaveLength(100);
  });
});
