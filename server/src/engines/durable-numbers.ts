/**
 * Which numbered publishes of which sessions are on disk: so that a publish whose session was lost with the hub
 * can be sent again without being stored twice (PROTOCOL §11).
 *
 *     add ─► one value a group, in the batch of its messages ─► now and then: a record a session, and the groups go
 *            [g 7] [g 8] [g 9]                                  [p anna 1–40] [p bert 3–9]     in one batch
 *
 * A record for each session in each batch would double what a batch of a hundred publishers costs. What is known of a
 * session is its record and the groups that are there; a start reads them all. Bounded in age, as the window of ids is:
 * what is sent again later than that is published again.
 */
import { createHash } from 'node:crypto';
import { type SavedNumbers, StoredNumbers } from '../core/stored-numbers.ts';
import type { Fate, PublishNumber } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import { decodeNumberGroup, encodeNumberGroup } from './number-group.ts';
import { sealJson, unsealJson } from './sealed-value.ts';
import { bytesKey, HASH_BYTES, numberKey, sequenceOf, tableRange } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

const MAX_AGE_MS = 60 * 60 * 1000;
/** Sessions kept in memory only because they were used lately: at most twice as many. */
const MAX_RECENT = 10_000;
/** Old records looked at in one turn. */
const FORGET_AT_ONCE = 1_000;

/** Above one of these, sessions get their records, and groups go. */
export interface NumberBounds {
  readonly groups: number;
  readonly groupBytes: number;
  /** Sessions whose record lacks something. */
  readonly sessions: number;
}
const DEFAULT_BOUNDS: NumberBounds = { groups: 1_024, groupBytes: 4 * 1024 * 1024, sessions: 10_000 };
/** The same for what has waited so long, so that a quiet hub has no groups. */
const SETTLE_AFTER_MS = 60_000;
/** Records written, and groups taken away, with one batch: of records more where more sessions come than that. */
const RECORDS_AT_ONCE = 64;
const GROUPS_AT_ONCE = 64;

interface Saved extends SavedNumbers {
  readonly atMs: number;
}

interface Kept {
  readonly hash: Uint8Array;
  readonly numbers: StoredNumbers;
  /** What the next group says of it: first and last number of each range. */
  fresh: number[];
  /** The first group with something that its record lacks; 0 where it lacks nothing. */
  since: number;
  sinceMs: number;
  /** The newest group that names it. */
  newest: number;
  newestMs: number;
  /** Which writing of records had it last. */
  writing: number;
}

export class DurableNumbers {
  /** Used lately, by name: what was not used for longer is in `before`, and goes with it. */
  private recent = new Map<string, Kept>();
  private before = new Map<string, Kept>();
  private last: { readonly subject: string; readonly session: string; readonly kept: Kept } | undefined;
  /** Those whose records on disk lack something, by hash, the oldest lack first. */
  private readonly lacking = new Map<string, Kept>();
  /** Named by the group being gathered. */
  private gathered: Kept[] = [];
  /** Bytes of the groups in the store, the oldest first. */
  private readonly groups = new Map<number, number>();
  private groupBytes = 0;
  private next = 1;
  /** The newest group on disk. */
  private stored = 0;
  private writings = 0;
  /** Groups that cannot be read, and until when it is not known whom they named. */
  private damaged: number[] = [];
  private readonly damagedUntilMs: number;
  /** Up to which key old records were looked for. */
  private forgotUpTo: Uint8Array | undefined;

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly wallMs: () => number,
    private readonly bounds: NumberBounds = DEFAULT_BOUNDS,
  ) {
    this.readGroups();
    this.damagedUntilMs = this.damaged.length > 0 ? wallMs() + MAX_AGE_MS : 0;
    group.onCommit(() => this.save());
  }

  /** A publish is about to be stored; it counts with the batch under way. */
  add(subject: string, { session, seq }: PublishNumber): void {
    const kept = this.kept(subject, session);
    const { fresh } = kept;
    kept.numbers.add(seq);
    if (fresh.length === 0) this.gathered.push(kept);
    // Publishes of a session come in batches.
    if (fresh.length > 0 && fresh[fresh.length - 1] === seq - 1) fresh[fresh.length - 1] = seq;
    else fresh.push(seq, seq);
    this.lacks(kept, this.next, this.wallMs());
  }

  /** What became of a publish; of one that is on its way to the disk that is told when it is there, or never will be. */
  find(subject: string, { session, seq }: PublishNumber, tell: (fate: Fate) => void): void {
    const { numbers, newest } = this.kept(subject, session);
    const isKnown = numbers.has(seq);
    if (isKnown === 'yes' && newest > this.stored)
      this.group.whenStored((failed) => tell(failed ? 'store-failed' : 'stored'));
    else if (isKnown === 'no' && this.wallMs() < this.damagedUntilMs) tell('unknown');
    else tell(FATES[isKnown]);
  }

  /** Forgets sessions that nobody will ask for any more, some at a time. */
  forget(): void {
    const nowMs = this.wallMs();
    const [oldest] = this.lacking.values();
    if (oldest && nowMs - oldest.sinceMs > SETTLE_AFTER_MS) this.writeRecords(RECORDS_AT_ONCE);
    this.removeGroups();
    if (nowMs >= this.damagedUntilMs) {
      for (const group of this.damaged.splice(0)) this.group.put(numberKey('numberGroups', group), undefined);
    }
    const { from: first, to } = tableRange('numbers');
    const found = this.store.range(this.forgotUpTo ?? first, to, { limit: FORGET_AT_ONCE });
    for (const { key, value } of found) {
      // A newer record may be on its way to the disk, or about to be written.
      if (this.lacking.has(textOf(key.subarray(1)))) continue;
      const saved = unsealJson<Saved>(value);
      if (!saved || nowMs - saved.atMs > MAX_AGE_MS) this.group.put(key, undefined);
    }
    this.forgotUpTo = found.length < FORGET_AT_ONCE ? undefined : found[found.length - 1]!.key;
  }

  private lacks(kept: Kept, group: number, nowMs: number): void {
    kept.newest = group;
    kept.newestMs = nowMs;
    if (kept.since > 0) return;
    kept.since = group;
    kept.sinceMs = nowMs;
    const text = textOf(kept.hash);
    this.lacking.delete(text);
    this.lacking.set(text, kept);
  }

  private kept(subject: string, session: string): Kept {
    const { last } = this;
    if (last && session === last.session && subject === last.subject) return last.kept;
    const name = `${subject}\n${session}`;
    let kept = this.recent.get(name);
    if (!kept) {
      kept = this.before.get(name) ?? this.keptOf(hashOf(name));
      this.recent.set(name, kept);
      if (this.recent.size >= MAX_RECENT) {
        this.before = this.recent;
        this.recent = new Map();
      }
    }
    this.last = { subject, session, kept };
    return kept;
  }

  /** What its record says, where that lacks nothing. */
  private keptOf(hash: Uint8Array): Kept {
    const lacking = this.lacking.get(textOf(hash));
    if (lacking) return lacking;
    const value = this.store.get(bytesKey('numbers', hash));
    const saved = unsealJson<Saved>(value);
    // Where it is damaged, nobody knows of any number.
    const numbers = new StoredNumbers(saved?.ranges, saved?.knownFrom ?? (value ? Infinity : 1));
    return {
      hash,
      numbers,
      fresh: [],
      since: 0,
      sinceMs: 0,
      newest: 0,
      newestMs: saved?.atMs ?? 0,
      writing: 0,
    };
  }

  /** What was gathered goes with the batch; where groups are over the bounds, some sessions get their records. */
  private save(): void {
    const { gathered } = this;
    if (gathered.length === 0) return;
    const group = this.next++;
    const value = encodeNumberGroup({ atMs: this.wallMs(), sessions: gathered });
    this.group.put(numberKey('numberGroups', group), value);
    this.keepGroup(group, value.length);
    for (const kept of gathered) kept.fresh = [];
    this.gathered = [];
    this.group.whenStored((failed) => {
      if (!failed) this.stored = group;
    });
    const { groups, groupBytes, sessions } = this.bounds;
    if (this.groups.size > groups || this.groupBytes > groupBytes || this.lacking.size > sessions)
      this.writeRecords(Math.max(RECORDS_AT_ONCE, 2 * gathered.length));
    this.removeGroups();
  }

  /** Records for those that have lacked something for longest. They stay among the lacking until these are on disk. */
  private writeRecords(count: number): void {
    const writing = ++this.writings;
    const written: Kept[] = [];
    for (const kept of this.lacking.values()) {
      if (written.length === count) break;
      if (kept.since === 0) continue;
      const saved: Saved = { ...kept.numbers.saved, atMs: kept.newestMs };
      this.group.put(bytesKey('numbers', kept.hash), sealJson(saved));
      kept.since = 0;
      kept.writing = writing;
      written.push(kept);
    }
    this.group.whenStored((failed) => {
      if (failed) return;
      for (const kept of written)
        if (kept.since === 0 && kept.writing === writing) this.lacking.delete(textOf(kept.hash));
    });
  }

  /** Groups whose numbers are all in records, with the batch that writes those at the earliest. */
  private removeGroups(): void {
    let needed = this.next;
    for (const { since } of this.lacking.values()) {
      if (since === 0) continue;
      needed = since;
      break;
    }
    let left = GROUPS_AT_ONCE;
    for (const [group, bytes] of this.groups) {
      if (group >= needed || left-- === 0) return;
      this.group.put(numberKey('numberGroups', group), undefined);
      this.groups.delete(group);
      this.groupBytes -= bytes;
    }
  }

  private keepGroup(group: number, bytes: number): void {
    this.groups.set(group, bytes);
    this.groupBytes += bytes;
  }

  private readGroups(): void {
    const { from: first, to } = tableRange('numberGroups');
    let from = first;
    for (;;) {
      const found = this.store.range(from, to, { limit: FORGET_AT_ONCE });
      for (const { key, value } of found) this.readGroup(sequenceOf(key), value);
      if (found.length < FORGET_AT_ONCE) break;
      from = numberKey('numberGroups', this.next);
    }
    this.stored = this.next - 1;
  }

  private readGroup(group: number, value: Uint8Array): void {
    this.next = group + 1;
    const read = decodeNumberGroup(value);
    if (read === 'corrupt') {
      this.damaged.push(group);
      return;
    }
    this.keepGroup(group, value.length);
    for (const { hash, fresh } of read.sessions) {
      const kept = this.keptOf(hash);
      for (let i = 0; i < fresh.length; i += 2)
        for (let seq = fresh[i]!; seq <= fresh[i + 1]!; seq++) kept.numbers.add(seq);
      this.lacks(kept, group, read.atMs);
    }
  }
}

const FATES = { yes: 'stored', no: 'not-stored', unknown: 'unknown' } as const;

const textOf = (hash: Uint8Array): string => Buffer.from(hash).toString('latin1');

const hashOf = (name: string): Uint8Array =>
  createHash('sha256').update(name).digest().subarray(0, HASH_BYTES);
