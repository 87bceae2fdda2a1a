/** Publishers and consumers of the kill tests: each goes on over whatever connection there is. */
import type { Consuming, Deliver, ServerFrame } from '@ringhub/protocol';
import { type KillAccount, payloadOf, type QueueName, wayOf } from './kill-account.ts';
import type { LiveHub } from './live-hub.ts';
import { LiveWire } from './live-wire.ts';

const WINDOW = 1_024;
const BATCH = 32;
const RETRY_MS = 10;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Publishes its numbers in order; after a kill it sends again what was not confirmed, with the same ids. */
export class Publisher {
  /** Ends with the last number confirmed. */
  isStopping = false;
  /** Numbers sent at least once and not confirmed, in order. */
  private readonly unconfirmed = new Set<number>();
  private wire: LiveWire | undefined;
  /** Number of the message behind each publish of this session, by seq. */
  private sent: number[] = [];
  private isPumping = false;

  constructor(
    readonly index: number,
    private readonly hub: LiveHub,
    private readonly account: KillAccount,
    /** Messages published at most, by all, so that a fast machine does not fill its disk. */
    private readonly mayPublish: () => boolean,
  ) {}

  get isDone(): boolean {
    return this.isStopping && this.unconfirmed.size === 0;
  }

  /** Runs until told to stop and everything is confirmed. */
  async run(): Promise<void> {
    while (!this.isDone) {
      // Trying all the while would take from the hub the time that it needs to start.
      await this.hub.listening();
      this.wire = await LiveWire.open(this.hub.wsUrl, this.hub.token).catch(() => undefined);
      if (!this.wire) {
        await pause(RETRY_MS);
        continue;
      }
      this.wire.onFrame((frame) => this.take(frame));
      this.sent = [];
      for (const n of this.unconfirmed) this.send([n]);
      this.pump();
      await this.wire.closed;
    }
  }

  /** Ends with what is not confirmed, which never will be. */
  abandon(): void {
    this.isStopping = true;
    this.unconfirmed.clear();
    this.wire?.close();
  }

  /** What may be sent now is sent. */
  pump(): void {
    while (
      !this.isStopping &&
      this.wire?.isOpen &&
      this.unconfirmed.size <= WINDOW - BATCH &&
      this.mayPublish()
    ) {
      const batch: number[] = [];
      for (let i = 0; i < BATCH; i++) batch.push(this.account.published[this.index]!++);
      for (const n of batch) this.unconfirmed.add(n);
      this.send(batch);
    }
    if (this.isDone) this.wire?.close();
  }

  private send(numbers: readonly number[]): void {
    const lines = numbers.map((n) => {
      this.sent.push(n);
      const { exchange, key } = wayOf(this.index, n);
      const id = `${this.index}-${n}`;
      return JSON.stringify(['publish', this.sent.length, exchange, key, payloadOf(this.index, n), { id }]);
    });
    this.wire!.send(lines.join('\n'));
  }

  private take(frame: ServerFrame): void {
    if (frame.type === 'refused') {
      this.account.violation(`${this.index}:${this.sent[frame.seq - 1]} was refused: ${frame.text}`);
      return;
    }
    if (frame.type !== 'confirm') return;
    for (const { seq, count, duplicate = false, queues } of frame.runs) {
      for (let i = 0; i < count; i++) {
        const n = this.sent[seq - 1 + i]!;
        this.unconfirmed.delete(n);
        this.account.confirm(this.index, n, duplicate);
        const took = queues?.took.toSorted().join();
        if (!duplicate && took !== wayOf(this.index, n).queues.toSorted().join())
          this.account.violation(`${this.index}:${n} was taken by ${took}`);
      }
    }
    if (this.isPumping) return;
    // Not from within the socket's own turn: its other frames come first.
    this.isPumping = true;
    setImmediate(() => {
      this.isPumping = false;
      this.pump();
    });
  }
}

/** Consumes a queue and acks what it got, cumulatively; now and then it returns one instead. */
export class QueueConsumer {
  isStopping = false;
  private wire: LiveWire | undefined;

  constructor(
    private readonly queue: QueueName,
    private readonly hub: LiveHub,
    private readonly account: KillAccount,
    private readonly lifeOf: () => number,
    private readonly nackEvery: number,
  ) {}

  async run(): Promise<void> {
    while (!this.isStopping) {
      await this.hub.listening();
      try {
        this.wire = await LiveWire.open(this.hub.wsUrl, this.hub.token);
        await this.consume(this.wire);
        await this.wire.closed;
      } catch {
        await pause(RETRY_MS);
      }
    }
  }

  stop(): void {
    this.isStopping = true;
    this.wire?.close();
  }

  private async consume(wire: LiveWire): Promise<void> {
    const life = this.lifeOf();
    /** The last number of each publisher over this connection. */
    const last = new Map<number, number>();
    wire.onFrame((frame) => {
      if (frame.type === 'deliver') this.take(wire, frame, life, last);
    });
    const options = { consume: this.queue, prefetch: 512, onLost: 'requeue' as const };
    await wire.ask<Consuming>({ type: 'consume', options });
  }

  private take(
    wire: LiveWire,
    { queue, firstTag, items, notes }: Deliver,
    life: number,
    last: Map<number, number>,
  ): void {
    const marked = new Set(notes.flatMap(([index, { redelivered }]) => (redelivered ? [index] : [])));
    let nacked: number | undefined;
    items.forEach((item, index) => {
      if (item.kind !== 'message') {
        this.account.violation(`${this.queue} gave a ${item.kind}`);
        return;
      }
      const isMarked = marked.has(index);
      const place = this.account.receive(this.queue, item.payload, life, isMarked);
      if (!place) return;
      const [publisher, n] = place;
      const before = last.get(publisher) ?? -1;
      if (!isMarked && n <= before)
        this.account.violation(`${this.queue} gave ${publisher}:${n} after ${before}`);
      last.set(publisher, Math.max(n, before));
      if (!isMarked && n % this.nackEvery === this.nackEvery - 1) nacked = firstTag + index;
    });
    if (nacked !== undefined) wire.send(JSON.stringify(['nack', queue, [[nacked, nacked]]]));
    wire.send(JSON.stringify(['ack', queue, firstTag + items.length - 1]));
  }
}
