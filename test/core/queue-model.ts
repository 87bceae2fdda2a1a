/**
 * A session queue as plain arrays: slow, and simple enough to be believed (PROTOCOL §6–§9, §12).
 *
 * `waiting` and `sent` hold slots; a gap is the list of what was lost in it, in the order in which it would have stood.
 */
import type { SessionBytes } from '../../server/src/core/held-messages.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import type { SceneOptions } from './queue-scene.ts';

export interface Loss {
  readonly offset: number;
  readonly reason: string;
}

export type Slot =
  | {
      readonly kind: 'message';
      readonly record: StoredRecord;
      readonly enteredMs: number;
      replaced: number;
      nacks: number;
    }
  | { readonly kind: 'gap'; readonly lost: Loss[] };

interface Sent {
  slot: Slot;
  open: boolean;
}

/** A slot as it was sent: what a client sees. */
export interface Shown {
  readonly tag: number;
  readonly offset?: number;
  readonly lost?: readonly Loss[];
  readonly replaced?: number;
  readonly redelivered?: number;
}

type Settings = Required<Pick<SceneOptions, 'overflow' | 'ack' | 'capacity' | 'capacityBytes'>> & {
  readonly ttlMs?: number;
  readonly conflationHeader?: string;
  readonly maxRedeliveries: number;
};

const sum = (records: readonly StoredRecord[]): number => records.reduce((bytes, r) => bytes + r.bytes, 0);

export class QueueModel {
  waiting: Slot[] = [];
  sent: Sent[] = [];
  routed = 0;
  readonly outcomes = new Map<string, number>();
  readonly conflated: number[] = [];
  behind = false;
  /** Log offset up to which this queue is done. */
  after = 0;
  private sentTag = 0;
  private nacked: number[] = [];
  private toldUpTo = 0;

  constructor(
    readonly settings: Settings,
    public prefetch: number,
    private readonly session: SessionBytes,
  ) {}

  get ready(): StoredRecord[] {
    return this.waiting.flatMap((slot) => (slot.kind === 'message' ? [slot.record] : []));
  }

  get inflight(): StoredRecord[] {
    return this.sent.flatMap(({ slot, open }) => (open && slot.kind === 'message' ? [slot.record] : []));
  }

  get span(): number {
    const first = this.sent.findIndex(({ open }) => open);
    return first < 0 ? 0 : this.sent.length - first;
  }

  get openTags(): number[] {
    return this.sent.flatMap(({ open }, i) => (open ? [i + 1] : []));
  }

  get canAckUpTo(): number {
    return this.sentTag;
  }

  offer(record: StoredRecord, nowMs: number): 'passed' | 'changed' | 'disconnect' {
    if (this.behind) return 'passed';
    if (this.settings.overflow === 'catch-up' && !this.fits(record)) {
      this.behind = true;
      return 'passed';
    }
    this.after = record.offset;
    return this.take(record, nowMs) ? 'disconnect' : 'changed';
  }

  /** Reads from the log as far as room and credit go. */
  pull(log: readonly StoredRecord[], nowMs: number): void {
    while (this.behind) {
      const record = log[this.after];
      if (!record) {
        this.behind = false;
        return;
      }
      const slots = this.settings.capacity - this.span - this.ready.length;
      const wanted =
        this.settings.ack === 'none' ? slots : this.prefetch - this.openTags.length - this.ready.length;
      if (Math.min(slots, wanted) <= 0) return;
      if (this.bytes >= this.settings.capacityBytes || this.session.held >= this.session.max) return;
      if (record.bytes > this.settings.capacityBytes || record.bytes > this.session.max) {
        this.routed++;
        this.refuse(record);
      } else {
        if (!this.fits(record)) return;
        this.take(record, nowMs);
      }
      this.after = record.offset;
    }
  }

  private get bytes(): number {
    return sum(this.ready) + sum(this.inflight);
  }

  private fits(record: StoredRecord, without: readonly StoredRecord[] = []): boolean {
    const freed = sum(without);
    return (
      this.ready.length - without.length + this.span < this.settings.capacity &&
      this.bytes - freed + record.bytes <= this.settings.capacityBytes &&
      this.session.held - freed + record.bytes <= this.session.max
    );
  }

  /** True where a `disconnect` queue overflowed. */
  private take(record: StoredRecord, nowMs: number): boolean {
    this.routed++;
    const slot: Slot = { kind: 'message', record, enteredMs: nowMs, replaced: 0, nacks: 0 };
    const { overflow } = this.settings;
    if (overflow === 'conflate' && this.conflate(slot)) return false;
    const overflowed = !this.fits(record);
    if (overflowed && overflow === 'disconnect') while (this.loseOldest('slow-consumer'));
    if (
      overflowed &&
      (overflow === 'drop-oldest' || overflow === 'conflate') &&
      this.fits(record, this.ready)
    ) {
      while (!this.fits(record)) this.loseOldest('overflow');
    }
    if (this.fits(record)) {
      this.session.held += record.bytes;
      this.waiting.push(slot);
    } else {
      this.refuse(record);
    }
    return overflowed && overflow === 'disconnect';
  }

  private keyOf({ key, headers }: StoredRecord): unknown {
    const { conflationHeader } = this.settings;
    const value = conflationHeader === undefined ? undefined : headers?.[conflationHeader];
    return value === undefined ? `by key ${key}` : value;
  }

  private conflate(slot: Extract<Slot, { kind: 'message' }>): boolean {
    const { record } = slot;
    const at = this.waiting.findIndex(
      (s) => s.kind === 'message' && this.keyOf(s.record) === this.keyOf(record),
    );
    const old = this.waiting[at];
    if (old?.kind !== 'message') return false;
    const freed = sum(this.ready);
    const fitsAlone =
      this.bytes - freed + record.bytes <= this.settings.capacityBytes &&
      this.session.held - freed + record.bytes <= this.session.max;
    if (!fitsAlone) return false;
    slot.replaced = old.replaced + 1;
    this.waiting[at] = slot;
    this.session.held += record.bytes - old.record.bytes;
    this.settle('conflated');
    this.conflated.push(old.record.offset);
    while (this.bytes > this.settings.capacityBytes || this.session.held > this.session.max)
      this.loseOldest('overflow');
    return true;
  }

  private refuse(record: StoredRecord): void {
    const { overflow } = this.settings;
    let reason = this.session.held + record.bytes > this.session.max ? 'session-bytes' : 'overflow';
    if (overflow === 'disconnect') reason = 'slow-consumer';
    if (overflow === 'drop-newest') reason = 'refused';
    this.settle(reason);
    this.waiting.push({ kind: 'gap', lost: [{ offset: record.offset, reason }] });
    this.merge();
  }

  private settle(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  private loseOldest(reason: string): boolean {
    const at = this.waiting.findIndex(({ kind }) => kind === 'message');
    const slot = this.waiting[at];
    if (slot?.kind !== 'message') return false;
    this.waiting[at] = { kind: 'gap', lost: [{ offset: slot.record.offset, reason }] };
    this.session.held -= slot.record.bytes;
    this.settle(reason);
    this.merge();
    return true;
  }

  private merge(): void {
    const merged: Slot[] = [];
    for (const slot of this.waiting) {
      const last = merged.at(-1);
      if (slot.kind === 'gap' && last?.kind === 'gap')
        merged.splice(-1, 1, { kind: 'gap', lost: [...last.lost, ...slot.lost] });
      else merged.push(slot);
    }
    this.waiting = merged;
  }

  expire(nowMs: number): void {
    for (;;) {
      const oldest = this.waiting.find((slot) => slot.kind === 'message');
      if (oldest?.kind !== 'message') return;
      const queueTtlMs = this.settings.ttlMs ?? Number.POSITIVE_INFINITY;
      const deadlineMs = Math.min(oldest.record.expiresMs, oldest.enteredMs + queueTtlMs);
      if (nowMs <= deadlineMs) return;
      this.loseOldest('expired');
    }
  }

  trim(bytes: number): void {
    const before = sum(this.ready);
    while (before - sum(this.ready) < bytes && this.loseOldest('memory'));
  }

  /** One batch. */
  fill(maxItems: number, nowMs: number): Shown[] {
    const again: number[] = [];
    while (this.sentTag < this.sent.length && again.length < maxItems) {
      const tag = this.sentTag + 1;
      const isOpen = this.sent[tag - 1]!.open;
      if (!isOpen && again.length > 0) break;
      this.sentTag = tag;
      if (isOpen) again.push(tag);
    }
    // Settled ones behind the last are passed over too.
    this.nacked = this.nacked.filter((tag) => !again.includes(tag));
    if (again.length > 0) return again.map((tag) => this.show(tag));
    const nacked = this.nacked.shift();
    if (nacked !== undefined) return [this.show(nacked)];

    const shown: Shown[] = [];
    const isUnacked = this.settings.ack !== 'none';
    while (shown.length < maxItems && this.prefetch > 0) {
      if (isUnacked && (this.openTags.length >= this.prefetch || this.span >= this.settings.capacity)) break;
      this.expire(nowMs);
      const slot = this.waiting.shift();
      if (!slot) break;
      this.sent.push({ slot, open: isUnacked });
      this.sentTag = this.sent.length;
      shown.push(this.show(this.sent.length));
      if (!isUnacked && slot.kind === 'message') {
        this.session.held -= slot.record.bytes;
        this.settle('written');
      }
    }
    return shown;
  }

  private show(tag: number): Shown {
    const { slot } = this.sent[tag - 1]!;
    if (slot.kind === 'gap') return { tag, lost: slot.lost };
    return {
      tag,
      offset: slot.record.offset,
      ...(slot.replaced ? { replaced: slot.replaced } : {}),
      ...(slot.nacks ? { redelivered: slot.nacks } : {}),
    };
  }

  close(tags: readonly number[], outcome: string): void {
    for (const tag of tags) {
      const sent = this.sent[tag - 1];
      if (!sent?.open) continue;
      sent.open = false;
      this.nacked = this.nacked.filter((t) => t !== tag);
      if (sent.slot.kind !== 'message') continue;
      this.session.held -= sent.slot.record.bytes;
      this.settle(outcome);
    }
  }

  nack(tag: number): void {
    if (this.nacked.includes(tag)) return;
    this.nacked.push(tag);
    const sent = this.sent[tag - 1]!;
    if (sent.slot.kind !== 'message') return;
    sent.slot.nacks++;
    if (sent.slot.nacks <= this.settings.maxRedeliveries) return;
    const { record } = sent.slot;
    sent.slot = { kind: 'gap', lost: [{ offset: record.offset, reason: 'redelivery-limit' }] };
    this.session.held -= record.bytes;
    this.settle('redelivery-limit');
  }

  resume(lastTag: number, acked: readonly number[]): void {
    if (this.settings.ack !== 'none') {
      this.close(acked, 'acked');
      this.sentTag = lastTag;
      return;
    }
    const lost = this.sent
      .slice(Math.max(lastTag, this.toldUpTo))
      .flatMap(({ slot }) =>
        slot.kind === 'gap' ? slot.lost : [{ offset: slot.record.offset, reason: 'not-received' }],
      );
    this.toldUpTo = this.sent.length;
    if (lost.length > 0) this.waiting.unshift({ kind: 'gap', lost });
    this.merge();
  }
}
