/**
 * Which numbered publishes of which sessions are on disk: so that a publish whose session was lost with the hub
 * can be sent again without being stored twice (PROTOCOL §11).
 *
 *     add ─► one value a group, in the batch of its messages
 *            [g 0: 384] [g 1: 257] [g 2: 258] …      places used again and again
 *                             └─ before that: a record for each session that has none with these numbers
 *                                [p anna 1–40] [p bert 3–9]
 *
 * A record for each session in each batch would double what a batch of a hundred publishers costs. What is known of a
 * session is its record and the groups that are there (number-groups.ts); a start reads them all. Bounded in age, as
 * the window of ids is: what is sent again later than that is published again.
 */
import { createHash } from 'node:crypto';
import { type SavedNumbers, StoredNumbers } from '../core/stored-numbers.ts';
import type { Fate, PublishNumber } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { NumberGroup } from './number-group.ts';
import { NumberGroups } from './number-groups.ts';
import { sealJson, unsealJson } from './sealed-value.ts';
import { bytesKey, HASH_BYTES, tableRange } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

const MAX_AGE_MS = 60 * 60 * 1000;
/** Sessions kept in memory only because they were used lately: at most twice as many. */
const MAX_RECENT = 10_000;
/** Old records looked at in one turn. */
const FORGET_AT_ONCE = 1_000;

export interface NumberBounds {
  /** Places for groups. */
  readonly groups: number;
  /** Sessions whose record lacks something: above it, some get theirs with each group. */
  readonly sessions: number;
}
const DEFAULT_BOUNDS: NumberBounds = { groups: 128, sessions: 10_000 };
/** What has waited so long gets its record in any case, so that a quiet hub has no groups. */
const SETTLE_AFTER_MS = 60_000;
const RECORDS_AT_ONCE = 64;

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
  private readonly groups: NumberGroups;
  /** The newest group on disk. */
  private stored: number;
  private writings = 0;
  /** Until when it is not known whom groups named that cannot be read. */
  private readonly damagedUntilMs: number;
  /** Up to which key old records were looked for. */
  private forgotUpTo: Uint8Array | undefined;

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly wallMs: () => number,
    private readonly bounds: NumberBounds = DEFAULT_BOUNDS,
  ) {
    this.groups = new NumberGroups(store, group, bounds.groups);
    for (const read of this.groups.read()) this.apply(read);
    this.stored = this.groups.next - 1;
    this.damagedUntilMs = this.groups.haveDamage ? wallMs() + MAX_AGE_MS : 0;
    group.onCommit(() => this.save());
  }

  /** A publish is about to be stored; it counts with the batch under way. */
  add(subject: string, { session, seq, window }: PublishNumber): void {
    const kept = this.kept(subject, session);
    const { fresh } = kept;
    kept.numbers.add(seq, window);
    if (fresh.length === 0) this.gathered.push(kept);
    // Publishes of a session come in batches.
    if (fresh.length > 0 && fresh[fresh.length - 1] === seq - 1) fresh[fresh.length - 1] = seq;
    else fresh.push(seq, seq);
    this.lacks(kept, this.groups.next, this.wallMs());
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
    const oldest = this.oldestLacking();
    if (oldest && nowMs - oldest.sinceMs > SETTLE_AFTER_MS) this.writeRecords(RECORDS_AT_ONCE);
    if (!oldest) this.groups.clear();
    if (nowMs >= this.damagedUntilMs) this.groups.clearDamaged();
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

  /** What was gathered goes with the batch, and what must not be lost with the group that is overwritten. */
  private save(): void {
    const { gathered, groups } = this;
    if (gathered.length === 0) return;
    this.writeRecords(Number.POSITIVE_INFINITY, groups.overwritten);
    const group = groups.put(this.wallMs(), gathered);
    for (const kept of gathered) kept.fresh = [];
    this.gathered = [];
    this.group.whenStored((failed) => {
      if (!failed) this.stored = group;
    });
    if (this.lacking.size > this.bounds.sessions)
      this.writeRecords(Math.max(RECORDS_AT_ONCE, 2 * gathered.length));
  }

  private oldestLacking(): Kept | undefined {
    for (const kept of this.lacking.values()) if (kept.since > 0) return kept;
    return undefined;
  }

  /**
   * Records for those that have lacked something for longest, and since a group up to this one. They stay among the
   * lacking until these are on disk.
   */
  private writeRecords(count: number, upTo = Number.POSITIVE_INFINITY): void {
    const oldest = this.oldestLacking();
    if (!oldest || oldest.since > upTo) return;
    const writing = ++this.writings;
    const written: Kept[] = [];
    for (const kept of this.lacking.values()) {
      if (written.length >= count || kept.since > upTo) break;
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

  private apply({ group, atMs, sessions }: NumberGroup): void {
    for (const { hash, fresh } of sessions) {
      const kept = this.keptOf(hash);
      for (let i = 0; i < fresh.length; i += 2)
        for (let seq = fresh[i]!; seq <= fresh[i + 1]!; seq++) kept.numbers.add(seq);
      this.lacks(kept, group, atMs);
    }
  }
}

const FATES = { yes: 'stored', no: 'not-stored', unknown: 'unknown' } as const;

const textOf = (hash: Uint8Array): string => Buffer.from(hash).toString('latin1');

const hashOf = (name: string): Uint8Array =>
  createHash('sha256').update(name).digest().subarray(0, HASH_BYTES);
