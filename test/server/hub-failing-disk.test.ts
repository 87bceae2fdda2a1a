/** A disk that refuses, stands still or is slow: nothing is confirmed that is not there, and everybody is told. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { BOTH, codesOf, KEPT, scene } from './support/durable-scene.ts';

describe('a disk', () => {
  it('that refuses: everything pending is refused, the hub says that it is not ready, nothing is confirmed', () => {
    const made = scene();
    const client = made.client();
    client.subscribe(BOTH);
    client.take();
    made.disk.refuse({ reason: 'disk-full', text: 'no room' });
    for (let seq = 1; seq <= 10; seq++) client.send(['publish', seq, KEPT, 'a', 'x']);
    client.send(
      ['declareQueue', 50, 'jobs', { durable: true }],
      ['declare', 51, 'x', { type: 'topic', durable: true }],
    );
    made.flush();
    const frames = client.take();
    expect(frames.filter(({ type }) => type === 'confirm')).toEqual([]);
    const refused = frames.filter((frame) => frame.type === 'refused');
    expect(refused.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set([ERRORS['store-failed'].code]));
    expect(frames.filter((frame) => frame.type === 'error').map(({ ref, code }) => [ref, code])).toEqual([
      [50, ERRORS['store-failed'].code],
      [51, ERRORS['store-failed'].code],
    ]);
    expect(made.failures).toEqual(['disk-full: no room']);
    expect(made.hub.health()).toEqual({ ready: false, reasons: [expect.stringContaining('no room')] });
    // What needs no disk goes on.
    client.send(['publish', 11, 'amq.topic', 'v', 'x'], ['publish', 12, KEPT, 'a', 'x']);
    made.flush();
    expect(client.deliveries()).toEqual(['1:v']);
    made.crash();
    expect(made.engine.bounds('d').last).toBe(0);
  });

  it('that stands still: refused by the deadline', () => {
    const made = scene();
    const client = made.client();
    made.disk.stall();
    client.send(['publish', 1, KEPT, 'a', 'x']);
    made.clock.advance(4_000);
    expect(client.takeOf('refused')).toEqual([]);
    made.clock.advance(1_100);
    expect(codesOf(client, 'refused')).toEqual([ERRORS['store-failed'].code]);
    expect(made.hub.health().reasons).toMatchObject([expect.stringContaining('deadline')]);
  });

  it('that is slow: publishes are refused while too much waits for it, and then taken again', () => {
    const made = scene({ session: { maxPayloadBytes: 8 * 1024 * 1024, publishWindowBytes: 1e9 } });
    made.disk.stall();
    const payload = 'x'.repeat(4 * 1024 * 1024);
    const outcomes: (string | undefined)[] = [];
    const publishOne = (): void => {
      made.hub.publish(
        made.principal('publisher'),
        { exchange: KEPT, key: 'k', payload, properties: { contentType: 'text/plain' } },
        (outcome) => outcomes.push(outcome.kind === 'refused' ? outcome.error : outcome.kind),
      );
    };
    for (let i = 0; i < 20; i++) {
      publishOne();
      made.clock.settle();
    }
    expect(outcomes).toEqual(Array(outcomes.length).fill('unavailable'));
    expect(outcomes.length).toBeGreaterThan(2);
    expect(outcomes.length).toBeLessThan(8);
    const refused = outcomes.length;
    made.disk.resume();
    made.flush();
    made.disk.resume();
    made.flush();
    expect(outcomes.slice(refused)).toEqual(Array(20 - refused).fill('taken'));
    publishOne();
    made.flush();
    expect(outcomes.at(-1)).toBe('taken');
  });
});
