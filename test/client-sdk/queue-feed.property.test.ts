/**
 * A consumer's feed against a hub that keeps a named queue in the plainest way: whatever is lost on the way, each message
 * ends as the application decided, and none is forgotten.
 */
import type { Consuming, Deliver, ResumeQueue, TagRanges } from '@ringhub/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Delivery, Outcome } from '../../client-sdk/src/delivery.ts';
import type { ClientLine } from '../../client-sdk/src/line.ts';
import { QueueFeed } from '../../client-sdk/src/queue-feed.ts';

const PREFETCH = 4;
const EPOCHS = { v: 'e1' };

/** The queue and its one consumer. Like the hub, it passes over tags that are settled. */
class PlainHub {
  ready: number[] = [];
  readonly acked = new Set<number>();
  readonly rejected = new Set<number>();
  private consumer = 0;
  private lastTag = 0;
  private unsettled = new Map<number, number>();

  consume(): Consuming {
    this.ready.push(...this.unsettled.values());
    this.ready.sort((a, b) => a - b);
    this.unsettled = new Map();
    this.lastTag = 0;
    this.consumer++;
    const granted = { ack: 'manual', prefetch: PREFETCH, onLost: 'keep', exclusive: false } as const;
    return { queue: this.consumer, granted };
  }

  deliver(): Deliver | undefined {
    const firstTag = this.lastTag + 1;
    const tags: number[] = [];
    while (this.unsettled.size < PREFETCH && this.ready.length > 0) {
      this.unsettled.set(++this.lastTag, this.ready.shift()!);
      tags.push(this.lastTag);
    }
    return tags.length > 0 ? this.frame(firstTag, tags) : undefined;
  }

  take(line: ClientLine): void {
    const [type, queue, a, b] = line;
    if (queue !== this.consumer) throw new Error(`a frame for consumer ${String(queue)}`);
    if (type === 'ack') this.acks(a as number, (b ?? []) as TagRanges);
    else
      this.each(a as TagRanges, (offset) => {
        if (type === 'reject') this.rejected.add(offset);
        else this.ready.push(offset);
      });
  }

  resume({ queue, lastTag, ackedUpTo, ackedRanges }: ResumeQueue): Deliver | undefined {
    if (queue !== this.consumer) throw new Error(`a resume of consumer ${queue}`);
    this.acks(ackedUpTo, ackedRanges);
    const tags = [...this.unsettled.keys()].filter((tag) => tag > lastTag);
    return tags.length > 0 ? this.frame(tags[0]!, tags) : undefined;
  }

  private acks(upTo: number, ranges: TagRanges): void {
    this.each([[1, upTo], ...ranges], (offset) => this.acked.add(offset));
  }

  private each(ranges: TagRanges, what: (offset: number) => void): void {
    for (const [tag, offset] of [...this.unsettled]) {
      if (!ranges.some(([from, to]) => from <= tag && tag <= to)) continue;
      this.unsettled.delete(tag);
      what(offset);
    }
  }

  private frame(firstTag: number, tags: readonly number[]): Deliver {
    const items = tags.map((tag) => ({
      kind: 'message' as const,
      exchange: '',
      key: 'jobs',
      payload: '',
      contentType: 'text/plain',
      log: 'v' as const,
      offset: this.unsettled.get(tag)!,
      timeMs: 0,
    }));
    return { type: 'deliver', queue: this.consumer, firstTag, items, notes: [] };
  }
}

const outcome = fc.constantFrom<Outcome>('ack', 'ack', 'nack', 'reject');
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('publish' as const) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('deliver' as const), isLost: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('take' as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('settle' as const), pick: fc.nat(), outcome }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('flush' as const) }) },
  // The last few frames and deliveries of the connection are lost with it.
  { weight: 2, arbitrary: fc.record({ type: fc.constant('resume' as const), isFlushLost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), isFlushLost: fc.boolean() }) },
);

it('each message ends as the application decided, whatever was lost', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
      const hub = new PlainHub();
      const feed = new QueueFeed({ consume: 'jobs' }, hub.consume());
      const hand = new Set<Delivery>();
      /** What the application said of a message, the last time. */
      const decided = new Map<number, Outcome>();
      let published = 0;
      let isConnected = true;

      const offsetOf = (delivery: Delivery) => delivery.position!.offset;
      const receive = (frame: Deliver | undefined) => frame && feed.receive(frame, EPOCHS);
      const take = () => {
        const delivery = feed.next();
        if (!delivery) return false;
        const offset = offsetOf(delivery);
        // It holds each message once, and what it is done with it does not see again.
        if ([...hand].some((other) => offsetOf(other) === offset)) expect.fail(`${offset} is in hand twice`);
        if (decided.get(offset) === 'ack') expect.fail(`${offset} was acknowledged`);
        hand.add(delivery);
        return true;
      };
      const settle = (delivery: Delivery, how: Outcome) => {
        hand.delete(delivery);
        decided.set(offsetOf(delivery), how);
        feed.settle(delivery, how);
      };
      const flush = (isLost = false) => {
        for (const line of feed.flush()) if (!isLost) hub.take(line);
      };
      const check = () => {
        for (const offset of hub.acked) if (decided.get(offset) !== 'ack') expect.fail(`${offset} was acked`);
        for (const offset of hub.rejected)
          if (decided.get(offset) !== 'reject') expect.fail(`${offset} was rejected`);
      };

      for (const step of actions) {
        switch (step.type) {
          case 'publish':
            hub.ready.push(++published);
            break;
          case 'deliver': {
            // Once a delivery is lost, so is all that follows.
            isConnected &&= !step.isLost;
            const frame = hub.deliver();
            if (isConnected) receive(frame);
            break;
          }
          case 'take':
            take();
            break;
          case 'settle': {
            const delivery = [...hand][step.pick % Math.max(1, hand.size)];
            if (delivery) settle(delivery, step.outcome);
            break;
          }
          case 'flush':
            flush();
            break;
          case 'resume': {
            if (step.isFlushLost) flush(true);
            const frame = hub.resume(feed.hello());
            feed.resume();
            receive(frame);
            flush();
            isConnected = true;
            break;
          }
          case 'restart':
            if (step.isFlushLost) flush(true);
            feed.restart(hub.consume());
            isConnected = true;
            break;
          default:
            step satisfies never;
        }
        check();
      }

      // On a connection that holds, all of it comes to an end.
      const frame = hub.resume(feed.hello());
      feed.resume();
      receive(frame);
      flush();
      for (let round = 0; round < 1_000 && hub.acked.size + hub.rejected.size < published; round++) {
        receive(hub.deliver());
        while (take());
        for (const delivery of [...hand]) settle(delivery, 'ack');
        flush();
      }
      check();
      expect(hub.acked.size + hub.rejected.size).toBe(published);
    }),
    { numRuns: 1_000 },
  );
});
