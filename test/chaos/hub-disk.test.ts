/** A hub whose disk refuses, is full, or stands still: what its clients are told, and what is there afterwards. */
import { rmSync } from 'node:fs';
import type { Confirmed, ServerFrame } from '@ringhub/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ThreadFault } from '../../bench/support/thread-fault.ts';
import { connect } from '../../client-sdk/src/node.ts';
import { LiveHub } from './live-hub.ts';
import { LiveWire } from './live-wire.ts';
import { ChaosPlace, requireStrace } from './programs.ts';

const EXIT_STORE = 74;
const REFUSED_WITHIN_MS = 5_000;
const DEADLINE_MS = 120_000;
const place = new ChaosPlace();
let program: string;
let hub: LiveHub;
let folder: string;

beforeAll(async () => {
  requireStrace();
  program = await place.program('kill-hub');
});
afterAll(() => place.remove());

beforeEach(async () => {
  folder = place.at('hub-disk');
  hub = new LiveHub([process.execPath, program], folder);
  await hub.start();
  const wire = await LiveWire.open(hub.wsUrl, hub.token);
  await wire.ask({ type: 'declare', exchange: 'durable', options: { type: 'topic', durable: true } });
  wire.close();
});
afterEach(async () => {
  await hub.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Publishes to the durable exchange, one after the other without waiting, and notes how each ended, and when. */
class DurablePublisher {
  readonly sentMs: number[] = [];
  readonly confirmed: number[] = [];
  readonly refused: { readonly seq: number; readonly text: string; readonly afterMs: number }[] = [];
  readonly confirmedAfterMs: number[] = [];

  private constructor(readonly wire: LiveWire) {
    wire.onFrame((frame) => this.take(frame));
  }

  static async open(): Promise<DurablePublisher> {
    return new DurablePublisher(await LiveWire.open(hub.wsUrl, hub.token));
  }

  get pending(): number {
    return this.sentMs.length - this.confirmed.length - this.refused.length;
  }

  publish(): void {
    this.sentMs.push(performance.now());
    const seq = this.sentMs.length;
    this.wire.send(JSON.stringify(['publish', seq, 'durable', 'a', `message ${seq}`]));
  }

  private take(frame: ServerFrame): void {
    const after = (seq: number) => performance.now() - this.sentMs[seq - 1]!;
    if (frame.type === 'refused')
      this.refused.push({ seq: frame.seq, text: frame.text, afterMs: after(frame.seq) });
    if (frame.type !== 'confirm') return;
    for (const { seq, count } of frame.runs as readonly Confirmed[]) {
      for (let i = seq; i < seq + count; i++) {
        this.confirmed.push(i);
        this.confirmedAfterMs.push(after(i));
      }
    }
  }
}

/** Everything in the durable log, from its beginning. */
async function logged(count: number): Promise<string[]> {
  const client = await connect(hub.wsUrl, { token: hub.token });
  const payloads: string[] = [];
  if (count > 0) {
    const options = { since: 'earliest', overflow: 'catch-up' } as const;
    for await (const event of await client.subscribe('durable', '#', options)) {
      if (event.kind === 'message') payloads.push(String(event.raw));
      if (payloads.length >= count) break;
    }
  }
  await client.close();
  return payloads;
}

describe('a hub whose disk', () => {
  it.each([
    ['refuses a sync', 'fdatasync:error=EIO', 'io'],
    ['is full', 'pwrite64:error=ENOSPC', 'disk-full'],
  ])(
    '%s confirms nothing that is not there, refuses what is pending, says why and ends',
    async (_, inject, reason) => {
      const publisher = await DurablePublisher.open();
      const publishing = setInterval(() => publisher.publish(), 2);
      await expect.poll(() => publisher.confirmed.length).toBeGreaterThan(100);
      await ThreadFault.put(hub.pid, inject);
      const notReady = expect.poll(() => hub.isReady(), { interval: 20 }).toBe(false);
      await publisher.wire.closed;
      clearInterval(publishing);
      await notReady;

      const exit = await hub.exit();
      // lmdb 3.5.6 writes the text of a failed write over the end of its buffer (mdb_page_flush): then the C library may
      // end the process where it would have ended itself.
      const ends = reason === 'disk-full' ? [EXIT_STORE, 'SIGABRT'] : [EXIT_STORE];
      expect(ends, hub.faults.join('\n')).toContain(exit);
      expect(hub.faults.join('\n')).toContain(`the store has failed (${reason}`);
      expect(publisher.refused.length).toBeGreaterThan(0);
      expect(new Set(publisher.refused.map(({ text }) => text.split(':')[0]))).toHaveProperty('size', 1);
      expect(Math.max(...publisher.refused.map(({ afterMs }) => afterMs))).toBeLessThan(REFUSED_WITHIN_MS);
      // Only what was sent last, as the process ended, has no answer: of what was pending nothing was forgotten.
      const answered = [...publisher.confirmed, ...publisher.refused.map(({ seq }) => seq)].sort(
        (x, y) => x - y,
      );
      expect(answered).toEqual(answered.map((_, i) => i + 1));

      await hub.start();
      const payloads = await logged(publisher.confirmed.length);
      for (const seq of publisher.confirmed) expect(payloads).toContain(`message ${seq}`);
    },
    DEADLINE_MS,
  );

  it(
    'stands still for two seconds confirms durable publishes later, and does everything else as ever',
    async () => {
      const durable = await DurablePublisher.open();
      const volatile = await LiveWire.open(hub.wsUrl, hub.token);
      const receivedMs: number[] = [];
      await volatile.ask({ type: 'subscribe', options: { bindings: [['amq.topic', '#']], ack: 'none' } });
      volatile.onFrame((frame) => {
        if (frame.type === 'deliver') for (const _ of frame.items) receivedMs.push(performance.now());
      });
      let seq = 0;
      const publishing = setInterval(() => {
        durable.publish();
        volatile.send(JSON.stringify(['publish', ++seq, 'amq.topic', 'a', 'tick']));
      }, 10);
      await expect.poll(() => durable.confirmed.length).toBeGreaterThan(50);
      const fault = await ThreadFault.put(hub.pid, 'fdatasync:delay_enter=2s');
      await expect
        .poll(() => Math.max(...durable.confirmedAfterMs), { timeout: 30_000 })
        .toBeGreaterThan(1_900);
      await fault.remove();
      clearInterval(publishing);
      await expect.poll(() => durable.pending).toBe(0);

      expect(durable.refused).toEqual([]);
      await expect.poll(() => receivedMs.length).toBe(seq);
      // While a sync took two seconds, volatile messages never waited for one.
      const longest = Math.max(...receivedMs.slice(1).map((ms, i) => ms - receivedMs[i]!));
      expect(longest).toBeLessThan(1_500);
      expect(await hub.isReady()).toBe(true);
    },
    DEADLINE_MS,
  );
});
