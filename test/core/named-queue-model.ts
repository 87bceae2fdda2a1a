/**
 * A named queue as plain arrays: slow, and simple enough to be believed. It knows no store: everything is at hand.
 *
 * Each call returns what ended or was requeued by it, as short texts: `acked 3`, `dead expired 4`, `requeued 5 x1`.
 */
import type { QueueSettings } from '@ringhub/protocol';

export interface Item {
  readonly seq: number;
  readonly bytes: number;
  readonly expiresAtMs: number;
  attempts: number;
  redelivered: boolean;
  dueMs: number;
}

export interface ModelConsumer {
  id: number;
  readonly ack: 'manual' | 'none';
  readonly onLost: 'keep' | 'requeue';
  prefetch: number;
  attached: boolean;
  assigned: Item[];
  /** By tag, from 1. */
  sent: { readonly item: Item; state: 'open' | 'settled' }[];
  sentTag: number;
}

export interface Shown {
  readonly tag: number;
  readonly seq: number;
  readonly redelivered?: number;
}

export type Ranges = readonly (readonly [number, number])[];

/** After a lost connection. */
export const beginsAnew = ({ ack, onLost }: ModelConsumer): boolean => ack !== 'none' && onLost === 'requeue';

const sum = (items: readonly Item[]): number => items.reduce((bytes, item) => bytes + item.bytes, 0);

export class NamedQueueModel {
  ready: Item[] = [];
  delayed: Item[] = [];
  admitted: number[] = [];
  consumers: ModelConsumer[] = [];
  routed = 0;
  refused = 0;
  readonly ended = new Map<number, string>();
  private turns: ModelConsumer[] = [];
  private told: string[] = [];

  constructor(readonly settings: QueueSettings) {}

  get inflight(): Item[] {
    return this.consumers.flatMap((c) => [...c.assigned, ...openOf(c)]);
  }

  get bytes(): number {
    return sum([...this.ready, ...this.delayed, ...this.inflight]);
  }

  admit(bytes: number): boolean {
    const { maxMessages, maxBytes, overflow } = this.settings;
    const givesWay = overflow === 'drop-head';
    const staying = [...this.delayed, ...this.inflight, ...(givesWay ? [] : this.ready)];
    const coming = givesWay ? [] : this.admitted;
    const messages = staying.length + coming.length + 1;
    const total = sum(staying) + coming.reduce((a, b) => a + b, 0) + bytes;
    if (messages <= maxMessages && total <= maxBytes) {
      this.admitted.push(bytes);
      return true;
    }
    this.routed++;
    this.refused++;
    return false;
  }

  push(seq: number, bytes: number, expiresAtMs: number, nowMs: number): string[] {
    this.admitted.splice(this.admitted.indexOf(bytes), 1);
    this.routed++;
    this.ready.push({ seq, bytes, expiresAtMs, attempts: 0, redelivered: false, dueMs: 0 });
    while (this.isOver && this.ready.length > 0) this.die(this.ready.shift()!, 'maxlen');
    return this.dispatch(nowMs);
  }

  private get isOver(): boolean {
    const { maxMessages, maxBytes } = this.settings;
    const held = this.ready.length + this.delayed.length + this.inflight.length;
    return held > maxMessages || this.bytes > maxBytes;
  }

  join(consumer: ModelConsumer, nowMs: number): string[] {
    this.consumers.push(consumer);
    return this.offer(consumer, nowMs);
  }

  leave(consumer: ModelConsumer, nowMs: number): string[] {
    this.consumers.splice(this.consumers.indexOf(consumer), 1);
    consumer.attached = false;
    this.giveBack(consumer.assigned.splice(0));
    this.returnSent(consumer, nowMs);
    return this.dispatch(nowMs);
  }

  hasCredit(c: ModelConsumer): boolean {
    if (!c.attached) return false;
    return c.ack === 'none' ? c.prefetch > 0 : c.assigned.length + openOf(c).length < c.prefetch;
  }

  dispatch(nowMs: number): string[] {
    for (;;) {
      while (this.ready[0] && nowMs > this.ready[0].expiresAtMs) this.die(this.ready.shift()!, 'expired');
      if (this.ready.length === 0) return this.told.splice(0).sort();
      // Who cannot take what there is loses its turn.
      while (this.turns[0] && !this.hasCredit(this.turns[0])) this.turns.shift();
      const consumer = this.turns[0];
      if (!consumer) return this.told.splice(0).sort();
      this.turns.push(this.turns.shift()!);
      consumer.assigned.push(this.ready.shift()!);
    }
  }

  fill(c: ModelConsumer, maxItems: number, nowMs: number): { shown: Shown[]; told: string[] } {
    const shown: Shown[] = [];
    if (!c.attached) return { shown, told: [] };
    while (c.sentTag < c.sent.length && shown.length < maxItems) {
      const { item, state } = c.sent[c.sentTag]!;
      if (state !== 'open' && shown.length > 0) break;
      c.sentTag++;
      if (state === 'open') shown.push(show(c.sentTag, item));
    }
    if (shown.length > 0) return { shown, told: [] };
    while (shown.length < maxItems && c.assigned.length > 0) {
      const item = c.assigned.shift()!;
      if (nowMs > item.expiresAtMs) {
        this.die(item, 'expired');
        continue;
      }
      c.sent.push({ item, state: c.ack === 'none' ? 'settled' : 'open' });
      c.sentTag = c.sent.length;
      shown.push(show(c.sentTag, item));
      if (c.ack === 'none') this.end(item, 'written');
    }
    return { shown, told: this.offer(c, nowMs) };
  }

  /** The tag that a settling call must be refused for. */
  unknownTag(c: ModelConsumer, upTo: number, ranges: Ranges): number | undefined {
    if (c.ack === 'none') return undefined;
    if (upTo > c.sentTag) return upTo;
    for (const [from, to] of ranges) {
      if (from <= upTo) return from;
      for (let tag = from; tag <= to; tag++) {
        if (tag > c.sentTag) return tag;
      }
    }
    return undefined;
  }

  settle(c: ModelConsumer, tags: readonly number[], how: 'ack' | 'reject', nowMs: number): string[] {
    for (const tag of tags) this.settleOne(c, tag, how);
    return c.ack === 'none' ? [] : this.offer(c, nowMs);
  }

  nack(c: ModelConsumer, tags: readonly number[], delayMs: number | undefined, nowMs: number): string[] {
    if (c.ack === 'none') return [];
    for (const tag of tags) {
      const sent = c.sent[tag - 1]!;
      if (sent.state !== 'open') continue;
      sent.state = 'settled';
      this.fail(sent.item, delayMs, nowMs);
    }
    return this.offer(c, nowMs);
  }

  credit(c: ModelConsumer, prefetch: number, nowMs: number): string[] {
    c.prefetch = prefetch;
    const isOver = () =>
      c.ack === 'none' ? prefetch === 0 : c.assigned.length + openOf(c).length > prefetch;
    while (c.assigned.length > 0 && isOver()) this.giveBack([c.assigned.pop()!]);
    return this.offer(c, nowMs);
  }

  lose(c: ModelConsumer, nowMs: number): string[] {
    c.attached = false;
    this.giveBack(c.assigned.splice(0));
    if (beginsAnew(c)) this.returnSent(c, nowMs);
    return this.dispatch(nowMs);
  }

  /** Its connection is back: it stands in line as a new one. */
  renew(c: ModelConsumer, id: number, nowMs: number): string[] {
    const told = this.leave(c, nowMs);
    Object.assign(c, { id, attached: true, sent: [], sentTag: 0 });
    this.turns = this.turns.filter((other) => other !== c);
    return [...told, ...this.join(c, nowMs)].sort();
  }

  resume(c: ModelConsumer, lastTag: number, acked: readonly number[], nowMs: number): string[] {
    c.attached = true;
    for (const tag of acked) this.settleOne(c, tag, 'ack');
    if (c.ack === 'none') c.sent.length = lastTag;
    c.sentTag = lastTag;
    return this.offer(c, nowMs);
  }

  sweep(nowMs: number): string[] {
    const due = this.delayed.filter((item) => item.dueMs <= nowMs);
    this.delayed = this.delayed.filter((item) => item.dueMs > nowMs);
    this.giveBack(due);
    return this.dispatch(nowMs);
  }

  purge(outcome: 'purged' | 'deleted'): string[] {
    for (const item of [...this.ready.splice(0), ...this.delayed.splice(0)]) this.end(item, outcome);
    return this.told.splice(0).sort();
  }

  delete(): string[] {
    for (const item of this.inflight) this.end(item, 'deleted');
    this.consumers = [];
    return [...this.told.splice(0), ...this.purge('deleted')].sort();
  }

  /** The hub was killed and came back. */
  restart(): void {
    for (const item of this.inflight) this.giveBack([item]);
    this.giveBack(this.delayed.splice(0));
    for (const item of this.ready) item.redelivered = true;
    this.consumers = [];
    this.turns = [];
    this.admitted = [];
  }

  private offer(c: ModelConsumer, nowMs: number): string[] {
    if (!this.turns.includes(c) && this.hasCredit(c)) this.turns.push(c);
    return this.dispatch(nowMs);
  }

  private settleOne(c: ModelConsumer, tag: number, how: 'ack' | 'reject'): void {
    const sent = c.sent[tag - 1]!;
    if (sent.state !== 'open') return;
    sent.state = 'settled';
    if (how === 'ack') this.end(sent.item, 'acked');
    else this.die(sent.item, 'rejected');
  }

  private returnSent(c: ModelConsumer, nowMs: number): void {
    for (const sent of c.sent) {
      if (sent.state === 'open') this.fail(sent.item, 0, nowMs);
      sent.state = 'settled';
    }
  }

  private fail(item: Item, delayMs: number | undefined, nowMs: number): void {
    item.attempts++;
    item.redelivered = true;
    const { deliveryLimit, retry } = this.settings;
    if (deliveryLimit !== null && item.attempts > deliveryLimit) {
      this.die(item, 'delivery_limit');
      return;
    }
    let waitMs = delayMs;
    if (waitMs === undefined && retry) {
      waitMs = retry.delayMs;
      for (let i = 1; i < item.attempts; i++) waitMs = Math.min(waitMs * retry.factor, retry.maxDelayMs);
    }
    this.told.push(`requeued ${item.seq} x${item.attempts}`);
    if (waitMs) {
      item.dueMs = nowMs + waitMs;
      this.delayed.push(item);
    } else {
      this.giveBack([item]);
    }
  }

  private giveBack(items: readonly Item[]): void {
    this.ready = [...this.ready, ...items].sort((a, b) => a.seq - b.seq);
  }

  private die(item: Item, reason: 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'): void {
    const outcome = { maxlen: 'overflow', delivery_limit: 'redelivery-limit' }[reason as 'maxlen'] ?? reason;
    this.end(item, this.settings.deadLetterExchange === undefined ? outcome : `dead ${reason}`);
  }

  private end(item: Item, outcome: string): void {
    if (this.ended.has(item.seq)) throw new Error(`${item.seq} ended twice`);
    this.ended.set(item.seq, outcome);
    this.told.push(`${outcome} ${item.seq}`);
  }
}

const openOf = (c: ModelConsumer): Item[] =>
  c.sent.flatMap(({ item, state }) => (state === 'open' ? [item] : []));

const show = (tag: number, item: Item): Shown => ({
  tag,
  seq: item.seq,
  ...(item.redelivered ? { redelivered: Math.max(1, item.attempts) } : {}),
});
