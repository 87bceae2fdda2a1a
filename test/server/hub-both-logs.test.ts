import { describe, expect, it } from 'vitest';
import { BOTH, itemsOf, markOf, publish, scene } from './support/durable-scene.ts';

describe('a subscription to both logs', () => {
  it('has order and gaps by log, marks with two positions, and a snapshot across both', () => {
    const made = scene();
    made.publish('v1');
    publish(made, 'd1');
    const client = made.client();
    const { queue } = client.subscribe({ ...BOTH, since: 'last-per-key' });
    const [first, second, end] = client.deliveries();
    expect([first!.slice(2), second!.slice(2)].toSorted()).toEqual(['d1', 'v1']);
    expect(end).toMatch(/^3:end (?=.*d:stored:1)(?=.*v:epoch-a:\d).* true$/);
    client.send(['ack', queue, 3]);
    for (let i = 2; i < 5; i++) {
      made.publish(`v${i}`);
      publish(made, `d${i}`);
    }
    const keys = client.deliveries().map((text) => text.slice(text.indexOf(':') + 1));
    expect(keys.filter((key) => key.startsWith('v'))).toEqual(['v2', 'v3', 'v4']);
    expect(keys.filter((key) => key.startsWith('d'))).toEqual(['d2', 'd3', 'd4']);
    expect(markOf(made, client, queue)).toMatch(/^(?=.*d:stored:4)(?=.*v:epoch-a:\d+)/);
  });

  it('is told where it begins to read a log that a later binding is of', () => {
    const made = scene();
    publish(made, 'd1');
    const client = made.client();
    const { queue } = client.subscribe({ bindings: [['amq.topic', '#']] });
    client.take();
    client.send(['bind', 5, queue, 'kept', '#']);
    publish(made, 'd2');
    // Asked again, as after a lost answer, it is the same place, whatever was read since.
    client.send(['bind', 6, queue, 'kept', '#']);
    expect(client.takeOf('ok').map(({ ref, result }) => [ref, result])).toEqual([
      [5, { cursor: 'd:stored:1' }],
      [6, { cursor: 'd:stored:1' }],
    ]);
  });

  it('goes on after a restart: nothing is lost of the durable log, all of the volatile one is a gap', () => {
    const made = scene();
    const client = made.client();
    const welcome = client.all('welcome')[0]!;
    const { queue } = client.subscribe(BOTH);
    made.publish('v1');
    publish(made, 'd1');
    const cursor = markOf(made, client, queue);
    client.cut();
    made.publish('v2');
    publish(made, 'd2');
    made.crash();
    const again = made.connect();
    again.resume(welcome, [{ queue, lastTag: 2, ackedUpTo: 2, cursor, options: BOTH }]);
    publish(made, 'd3');
    const texts = again.deliveries().map((text) => text.slice(text.indexOf(':') + 1));
    expect(texts.filter((text) => text.startsWith('gap'))).toEqual([
      expect.stringMatching(/^gap epoch null \[epoch-a \d+-null\]$/),
    ]);
    expect(texts.filter((text) => !text.startsWith('gap'))).toEqual(['d2', 'd3']);
  });

  it('tells a gap with ranges of both, which history fills', () => {
    const made = scene();
    const client = made.client();
    const { queue } = client.subscribe({ ...BOTH, capacity: 2, prefetch: 1 });
    made.publish('v0');
    for (const i of [1, 2, 3]) {
      made.publish(`v${i}`);
      publish(made, `d${i}`);
    }
    client.send(['ack', queue, 1]);
    client.send(['ack', queue, 2]);
    const gaps = client
      .all('deliver')
      .flatMap(({ items }) => items)
      .filter((item) => item.kind === 'gap');
    expect(gaps).toHaveLength(1);
    const { ranges, count } = gaps[0]!.gap;
    expect(new Set(ranges.map(({ log }) => log))).toEqual(new Set(['v', 'd']));
    const asked = ranges.map(({ log, epoch, from, to }) => [log, epoch, from, to]);
    client.take();
    client.send(['history', 7, { bindings: BOTH.bindings, ranges: asked }]);
    const items = itemsOf(client);
    const got = items.flatMap((item) => (item.kind === 'message' ? [item.key] : []));
    expect(got.length).toBe(count);
    for (const log of ['v', 'd']) {
      const keys = got.filter((key) => key.startsWith(log));
      expect(keys.length).toBeGreaterThan(0);
      expect(keys).toEqual(keys.toSorted());
    }
  });

  it('catches up from both', () => {
    const made = scene();
    const client = made.client();
    const { queue } = client.subscribe({ ...BOTH, overflow: 'catch-up', capacity: 2, prefetch: 1 });
    const keys: string[] = [];
    for (let i = 0; i < 20; i++) {
      made.publish(`v${10 + i}`);
      publish(made, `d${10 + i}`);
    }
    for (let tag = 1; tag <= 40; tag++) {
      keys.push(...client.deliveries().map((text) => text.split(':')[1]!));
      client.send(['ack', queue, tag]);
    }
    for (const log of ['v', 'd'])
      expect(keys.filter((key) => key.startsWith(log))).toEqual(
        Array.from({ length: 20 }, (_, i) => `${log}${10 + i}`),
      );
    expect(keys).toHaveLength(40);
  });
});
