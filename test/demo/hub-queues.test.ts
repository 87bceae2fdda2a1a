/** Named queues as the feeder tells of them and the dashboard keeps them: both with a bound. */
import { describe, expect, it } from 'vitest';
import { RecentValues } from '../../demo/dashboard/recent-values.ts';
import { HubSampler, queuesOf, type Stats } from '../../demo/src/feeder/hub-sampler.ts';

const figures = (throughputPerSec: number) => ({
  responseTimeMs: null,
  throughputPerSec,
  lossRate: null,
  delayMs: null,
});

const queue = (name: string, ready: number, throughputPerSec = 0) => ({
  name,
  messages: { ready, inflight: 0, delayed: 0 },
  consumers: 1,
  figures: figures(throughputPerSec),
});

const statsWith = (list: Stats['namedQueues']['list']): Stats => ({
  connections: 0,
  sessions: { attached: 0, parked: 0 },
  queues: 0,
  publishes: { taken: 0 },
  routed: 0,
  deliveries: 0,
  gaps: 0,
  resumes: { resumed: 0 },
  ledger: {
    routed: 0,
    acked: 0,
    written: 0,
    rejected: 0,
    expired: 0,
    dropped: {},
    deadLettered: 0,
    ready: 0,
    inflight: 0,
    residual: 0,
  },
  figures: figures(1),
  namedQueues: { count: list.length, list },
  memory: { heldBytes: 0, budgetBytes: 0 },
});

describe('named queues in the feed', () => {
  it('are the busiest ones, by name, however many there are', () => {
    const idle = Array.from({ length: 20 }, (_, i) => queue(`idle${i}`, 0));
    const told = queuesOf(statsWith([...idle, queue('z.fast', 0, 50), queue('a.full', 9)]));
    expect(told.count).toBe(22);
    expect(told.list).toHaveLength(8);
    expect(told.list[0]).toEqual({
      name: 'a.full',
      ready: 9,
      inflight: 0,
      delayed: 0,
      consumers: 1,
      figures: figures(0),
    });
    expect(told.list.at(-1)).toMatchObject({ name: 'z.fast' });
  });

  it('come with one reading of five', async () => {
    const sampler = new HubSampler(() => statsWith([queue('q', 1)]));
    const came: boolean[] = [];
    for (let i = 0; i < 11; i++) {
      await new Promise<void>((resolve, reject) =>
        sampler.sample(
          i * 100,
          (_rates, _ledger, queues) => {
            came.push(queues !== undefined);
            // The next question may be asked once this one is over.
            setImmediate(resolve);
          },
          reject,
        ),
      );
    }
    expect(came.flatMap((has, i) => (has ? [i] : []))).toEqual([0, 5, 10]);
  });
});

describe('recent values', () => {
  it('are the last ones, and gone with what they are of', () => {
    const recent = new RecentValues(3);
    for (const value of [1, 2, 3, 4])
      recent.add(
        new Map([
          ['a', value],
          ['b', 0],
        ]),
      );
    expect(recent.of('a')).toEqual([2, 3, 4]);
    recent.add(new Map([['a', 5]]));
    expect(recent.of('a')).toEqual([3, 4, 5]);
    expect(recent.of('b')).toEqual([]);
  });
});
