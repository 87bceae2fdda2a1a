/**
 * The session queue of one subscription: a bounded ring with credit, acks, gaps and an overflow policy
 * (PROTOCOL §6–§9).
 *
 *    offer ─►  ready (waiting, untagged)  ── fill ─►  window (sent, tagged)  ── ack, reject ─► settled
 *                 │ overflow, TTL, memory                  ▲ nack, resume: sent again, same tag
 *                 └─► gap, in place
 *
 * Invariants: ready and window together hold at most `capacity` entries (gaps and holes aside) and
 * `capacityBytes`; overflow, TTL and conflation touch only what was never sent; every message taken or
 * refused is settled exactly once; what is lost is told where it would have stood. Pure: time is an argument.
 */

import type { GapRange, GapReason, Granted, Position, TagRanges } from '@ringhub/protocol';
import type { StoredRecord } from '../ports/engine.ts';
import type { Batch } from './batch.ts';
import { Conflation } from './conflation.ts';
import { GapEntry } from './gap-entry.ts';
import { HeldMessages, type SessionBytes } from './held-messages.ts';
import { LazySet } from './lazy-map.ts';
import { type DropReason, type Ledger, type Outcome, residualOf } from './ledger.ts';
import type { FeedOffsets, LogReaders } from './log-readers.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type Entry, ReadyRing, type SnapshotEnd } from './ready-ring.ts';
import { RingRoom } from './ring-room.ts';
import { grantedBy, type RingSettings } from './ring-settings.ts';
import { UnackedWindow } from './unacked-window.ts';
import { WrittenLog } from './written-log.ts';

/** What an offered message did: left it to the log, changed the ring, or filled a `disconnect` ring. */
export type Offered = 'passed' | 'changed' | 'disconnect';

export class SessionQueue {
  readonly ledger: Ledger;
  readonly ready = new ReadyRing();
  readonly window = new UnackedWindow();
  prefetch: number;
  closed = false;

  private readonly room: RingRoom;
  private readonly held: HeldMessages;
  private readonly conflation: Conflation | undefined;
  /** In order of offset in each log: then neighbouring losses form one range. */
  private readonly isDense: boolean;
  private readonly written: WrittenLog | undefined;
  /** `disconnect` has emptied the ring and nobody was told yet. */
  private overflowed = false;
  /** Tags to send again after a nack. */
  private readonly nacked = new LazySet<number>();

  constructor(
    readonly id: number,
    readonly settings: RingSettings,
    readonly readers: LogReaders,
    private readonly budget: MemoryBudget,
    sessionBytes: SessionBytes,
  ) {
    this.room = new RingRoom(settings, this.ready, this.window, sessionBytes);
    this.prefetch = settings.prefetch;
    this.held = new HeldMessages(budget, sessionBytes, settings.ttlMs);
    this.ledger = this.held.ledger;
    if (settings.overflow === 'conflate') this.conflation = new Conflation(settings.conflationHeader);
    this.isDense = this.conflation === undefined;
    if (settings.ack === 'none') this.written = new WrittenLog();
  }

  /** What the subscriber was given, as it is now. */
  get granted(): Granted {
    return grantedBy(this.settings, this.prefetch);
  }

  /** Bytes of messages held, sent or not. */
  get bytes(): number {
    return this.room.bytes;
  }

  /** What the ledger's law leaves over; anything but 0 is a bug. */
  get residual(): number {
    return residualOf(this.ledger, this.ready.messages, this.window.messages);
  }

  /** A message of the live feed that matches a binding. */
  offer(record: StoredRecord, nowMs: number): Offered {
    const reader = this.readers.of(record.log);
    if (this.closed || !reader?.takesLive(record.offset)) return 'passed';
    if (this.settings.overflow === 'catch-up' && !this.room.has(record)) {
      reader.fallBehind(record.offset);
      return 'passed';
    }
    reader.passed(record.offset);
    this.take(record, nowMs);
    if (this.settings.overflow !== 'disconnect' || !this.overflowed) return 'changed';
    this.overflowed = false;
    return 'disconnect';
  }

  /**
   * Messages of the live feed that match a binding, in their order: as `offer` of each; `disconnect` where one of them says so.
   *
   * @param bytes what they take together
   */
  offerAll(records: readonly StoredRecord[], bytes: number, nowMs: number): Offered {
    if (this.takesAll(records, bytes)) {
      this.readers.of(records[0]!.log)!.passed(records[records.length - 1]!.offset);
      this.held.holdAll(records, bytes, nowMs);
      this.ready.pushAll(records, bytes);
      return 'changed';
    }
    let outcome: Offered = 'passed';
    for (const record of records) {
      const offered = this.offer(record, nowMs);
      // The session lives on without its connection: what comes behind is still for its ring.
      if (offered === 'disconnect' || outcome === 'passed') outcome = offered;
    }
    return outcome;
  }

  /** Whether nothing can happen to any of these but that it waits here. */
  private takesAll(records: readonly StoredRecord[], bytes: number): boolean {
    const { log, offset } = records[0]!;
    if (this.closed || this.conflation || !this.readers.of(log)?.takesLive(offset)) return false;
    return this.room.fits(records.length, bytes);
  }

  /**
   * A message read from the log.
   *
   * @returns false where it has to wait for room, here or in the memory budget; nothing read is lost to
   *   overflow, but what could never fit is refused
   */
  takeRead(record: StoredRecord, nowMs: number): boolean {
    if (!this.room.couldEverFit(record)) {
      this.held.begin(record, nowMs);
      this.refuse(record, this.reasonOfFull(record));
      return true;
    }
    if (!this.room.has(record) || !this.budget.hasRoomFor(record)) return false;
    this.take(record, nowMs);
    return true;
  }

  /** Tells a loss that no obligation stood for: trimmed from the log, or of another epoch. */
  tellLoss(range: GapRange): void {
    this.ready.tailGap().addRange(range);
  }

  endSnapshot(end: SnapshotEnd): void {
    this.ready.push(end);
  }

  /** How many messages may be read from the log now. */
  get roomToRead(): number {
    const { slots } = this.room;
    const wanted =
      this.settings.ack === 'none' ? slots : this.prefetch - this.window.unsettled - this.ready.messages;
    return Math.max(0, Math.min(slots, wanted));
  }

  /** Nothing waits here, and nothing is to be read for it: until something comes, there is nothing to send. */
  get isDry(): boolean {
    return (
      this.ready.length === 0 && this.nacked.size === 0 && this.readers.isLive && !this.window.hasResends
    );
  }

  /** Whether `fill` would give anything. */
  get hasSomethingToSend(): boolean {
    return (
      this.nacked.size > 0 ||
      this.window.sentTag < this.window.lastTag ||
      (this.ready.length > 0 && this.hasCredit)
    );
  }

  /**
   * Moves what may be sent now into a batch of contiguous tags: first what a resume asks for again, then what
   * was nacked, then new entries as credit allows.
   */
  fill(batch: Batch, maxItems: number, maxBytes: number, nowMs: number): void {
    batch.clear();
    if (this.fillResends(batch, maxItems, maxBytes) || this.fillNacked(batch)) return;
    while (batch.count < maxItems && batch.bytes < maxBytes && this.hasCredit) {
      const head = this.ready.peek();
      if (head?.kind !== 'message' || this.held.expiresMs(head) < nowMs) this.expire(nowMs);
      const entry = this.ready.shift();
      if (!entry) return;
      this.send(entry, batch);
    }
  }

  /**
   * Settles tags as acknowledged.
   *
   * @returns a tag that was never sent, is settled already or is named twice; then nothing has changed
   */
  ack(upTo: number, ranges: TagRanges): number | undefined {
    if (this.written) return undefined;
    const unknown = upTo > this.window.sentTag ? upTo : this.window.firstUnknown(ranges, upTo);
    if (unknown !== undefined) return unknown;
    this.settleUpTo(upTo);
    this.settleRanges(ranges, 'acked');
    return undefined;
  }

  /** Ends messages unprocessed; returns an unknown tag as {@link ack} does. */
  reject(ranges: TagRanges): number | undefined {
    if (this.written) return undefined;
    const unknown = this.window.firstUnknown(ranges, 0);
    if (unknown !== undefined) return unknown;
    this.settleRanges(ranges, 'rejected');
    return undefined;
  }

  /** Has messages sent again, with their tags; too often, and a gap stands in their place. */
  nack(ranges: TagRanges): number | undefined {
    if (this.written) return undefined;
    const unknown = this.window.firstUnknown(ranges, 0);
    if (unknown !== undefined) return unknown;
    for (const [from, to] of ranges) {
      for (let tag = from; tag <= to; tag++) this.nackOne(tag);
    }
    return undefined;
  }

  /** Whether a resume claims no more than was sent. */
  mayResume(lastTag: number, ackedUpTo: number, ackedRanges: TagRanges): boolean {
    const highestAcked = Math.max(ackedUpTo, ackedRanges[ackedRanges.length - 1]?.[1] ?? 0);
    return lastTag <= this.window.lastTag && highestAcked <= lastTag;
  }

  /**
   * A client came back: applies its acks and has everything after `lastTag` sent again.
   *
   * @param cursor up to which it has processed each log of this queue
   */
  resume(lastTag: number, ackedUpTo: number, ackedRanges: TagRanges, cursor: readonly Position[]): void {
    if (this.written) {
      const notices = this.written.notReceived(lastTag, this.window.lastTag, cursor, this.isDense);
      for (const notice of notices.reverse()) this.ready.unshiftNotice(notice);
      return;
    }
    this.settleUpTo(ackedUpTo);
    for (const [from, to] of ackedRanges) {
      for (let tag = Math.max(from, this.window.firstTag); tag <= to; tag++) this.settle(tag, 'acked');
    }
    this.window.rewind(lastTag);
  }

  /** Loses the oldest waiting messages until `bytes` are free; returns what it freed. */
  trim(bytes: number): number {
    const before = this.ready.bytes;
    while (before - this.ready.bytes < bytes && this.loseOldest('memory', 'memory')) {}
    return before - this.ready.bytes;
  }

  /** Loses waiting messages that are too old. */
  expire(nowMs: number): void {
    for (;;) {
      const record = this.ready.peek(this.ready.firstMessage());
      if (record?.kind !== 'message' || this.held.expiresMs(record) >= nowMs) return;
      this.loseOldest('expired', 'expired');
    }
  }

  /** Positions up to which everything was sent or settled, or `undefined` where something waits to be sent again. */
  sentUpTo(feedOffsets: FeedOffsets): Position[] | undefined {
    if (this.nacked.size > 0 || this.window.sentTag < this.window.lastTag) return undefined;
    const positions = this.readers.positions(feedOffsets);
    if (!positions) return undefined;
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i]!;
      const waiting = this.ready.lowestOffset(position.log, this.isDense);
      if (waiting === undefined) return undefined;
      positions[i] = { ...position, offset: Math.min(position.offset, waiting - 1) };
    }
    return positions;
  }

  /** Settles everything that is left; the queue is over. */
  close(reason: DropReason): void {
    this.closed = true;
    for (let tag = this.window.firstTag; tag <= this.window.lastTag; tag++) this.settle(tag, reason);
    for (let entry = this.ready.shift(); entry; entry = this.ready.shift()) {
      if (entry.kind === 'message') this.held.release(entry, reason);
    }
    this.conflation?.clear();
    this.nacked.clear();
  }

  // ── taking ──

  private take(record: StoredRecord, nowMs: number): void {
    this.held.begin(record, nowMs);
    if (this.conflation && this.conflate(record, this.conflation)) return;
    if (!this.room.has(record)) this.makeRoom(record);
    if (!this.room.has(record)) {
      this.refuse(record, this.reasonOfFull(record));
      return;
    }
    this.held.hold(record);
    const index = this.ready.push(record);
    this.conflation?.waitsAt(record, index);
  }

  private makeRoom(record: StoredRecord): void {
    switch (this.settings.overflow) {
      case 'drop-oldest':
      case 'conflate':
        // Where even an empty ring had no room, what waits gives way to nothing.
        if (this.window.span >= this.settings.capacity || !this.room.wouldFit(record)) return;
        while (!this.room.has(record) && this.loseOldest('overflow', 'overflow')) {}
        return;
      case 'disconnect':
        while (this.loseOldest('slow-consumer', 'slow-consumer')) {}
        this.overflowed = true;
        return;
      case 'drop-newest':
      case 'catch-up':
        return;
      default:
        this.settings.overflow satisfies never;
    }
  }

  /** Why a message finds no room although everything that may give way has. */
  private reasonOfFull(record: StoredRecord): DropReason & GapReason {
    if (this.settings.overflow === 'disconnect') return 'slow-consumer';
    if (this.settings.overflow === 'drop-newest') return 'refused';
    return this.room.isOverSession(record) ? 'session-bytes' : 'overflow';
  }

  private refuse(record: StoredRecord, reason: DropReason & GapReason): void {
    this.held.refuse(record, reason);
    const epoch = this.readers.epochOf(record.log);
    this.ready.tailGap().addMessage(record.log, epoch, record.offset, reason, this.isDense);
  }

  /** Puts a message in the place of the waiting one with the same key; false where none waits. */
  private conflate(record: StoredRecord, conflation: Conflation): boolean {
    const index = conflation.find(record);
    if (index === undefined || !this.room.wouldFit(record)) return false;
    const old = this.ready.peek(index - this.ready.headIndex) as StoredRecord;
    this.ready.replace(index, record);
    this.held.replace(old, record);
    // The newcomer may be the larger one.
    while (this.room.isOverBytes && this.loseOldest('overflow', 'overflow')) {}
    return true;
  }

  // ── losing ──

  /** Turns the oldest waiting message into a gap in its place; false where none waits. */
  private loseOldest(reason: GapReason, outcome: Outcome): boolean {
    const distance = this.ready.firstMessage();
    const record = this.ready.peek(distance);
    if (record?.kind !== 'message') return false;
    this.conflation?.forget(record);
    const gap = this.ready.turnIntoGap(distance);
    gap.addMessage(record.log, this.readers.epochOf(record.log), record.offset, reason, this.isDense);
    this.ready.absorbNext(gap);
    this.held.release(record, outcome);
    return true;
  }

  // ── sending ──

  private get hasCredit(): boolean {
    if (this.written) return this.prefetch > 0;
    return this.window.unsettled < this.prefetch && this.window.span < this.settings.capacity;
  }

  private send(entry: Entry, batch: Batch): void {
    const note = this.held.noteOf(entry);
    if (entry.kind === 'message') this.conflation?.forget(entry);
    if (!this.written) {
      batch.add(this.window.add(entry), entry, note);
      return;
    }
    const tag = this.window.skip();
    this.written.add(tag, entry);
    batch.add(tag, entry, note);
    if (entry.kind === 'message') this.held.release(entry, 'written');
  }

  private fillResends(batch: Batch, maxItems: number, maxBytes: number): boolean {
    for (let tag = this.window.nextResend(); tag > 0; tag = this.window.nextResend()) {
      const entry = this.window.get(tag)!;
      const joins = batch.count === 0 || tag === batch.firstTag + batch.count;
      if (!joins || batch.count >= maxItems || batch.bytes >= maxBytes) break;
      this.nacked.delete(tag);
      batch.add(tag, entry, this.held.noteOf(entry));
      this.window.markSent(tag);
    }
    return batch.count > 0;
  }

  /** One nacked entry a batch: they are few, and their tags are apart. */
  private fillNacked(batch: Batch): boolean {
    if (this.nacked.size === 0) return false;
    for (const tag of this.nacked) {
      this.nacked.delete(tag);
      const entry = this.window.get(tag);
      if (!entry) continue;
      batch.add(tag, entry, this.held.noteOf(entry));
      return true;
    }
    return false;
  }

  // ── settling ──

  private settleUpTo(upTo: number): void {
    let count = 0;
    for (let tag = this.window.firstTag; tag <= upTo; tag++) {
      const entry = this.window.take(tag);
      if (!entry) continue;
      if (this.nacked.size > 0) this.nacked.delete(tag);
      if (entry.kind !== 'message') continue;
      this.held.letGo(entry);
      count++;
    }
    this.held.settled('acked', count);
  }

  private settleRanges(ranges: TagRanges, outcome: Outcome): void {
    for (const [from, to] of ranges) {
      for (let tag = from; tag <= to; tag++) this.settle(tag, outcome);
    }
  }

  private settle(tag: number, outcome: Outcome): void {
    const entry = this.window.take(tag);
    if (!entry) return;
    if (this.nacked.size > 0) this.nacked.delete(tag);
    if (entry.kind === 'message') this.held.release(entry, outcome);
  }

  private nackOne(tag: number): void {
    const entry = this.window.get(tag);
    if (!entry || this.nacked.has(tag)) return;
    this.nacked.add(tag);
    if (entry.kind !== 'message') return;
    if (this.held.redeliver(entry) <= this.settings.maxRedeliveries) return;
    const gap = new GapEntry();
    const epoch = this.readers.epochOf(entry.log);
    gap.addMessage(entry.log, epoch, entry.offset, 'redelivery-limit', this.isDense);
    this.window.replace(tag, gap);
    this.held.release(entry, 'redelivery-limit');
  }
}
