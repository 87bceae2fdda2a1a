/**
 * Which numbered publishes of which sessions are on disk: so that a publish whose session was lost with the hub
 * can be sent again without being stored twice (PROTOCOL §11).
 *
 * Bounded in age, as the window of ids is: what is sent again later than that is published again.
 */
import { createHash } from 'node:crypto';
import { type SavedNumbers, StoredNumbers } from '../core/stored-numbers.ts';
import type { Fate, PublishNumber } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import { sealJson, unsealJson } from './sealed-value.ts';
import { bytesKey, HASH_BYTES, tableRange } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

const MAX_AGE_MS = 60 * 60 * 1000;
/** Sessions kept in memory, and looked at when old ones are forgotten. */
const MAX_SESSIONS = 20_000;
const FORGET_AT_ONCE = 1_000;

interface Saved extends SavedNumbers {
  readonly atMs: number;
}

interface Kept {
  /** Its place in the store. */
  readonly key: Uint8Array;
  readonly numbers: StoredNumbers;
  /** Changes that are not on disk yet: until they are, the store does not know them. */
  unsaved: number;
}

export class DurableNumbers {
  /** By name, the one used last at the end. */
  private readonly sessions = new Map<string, Kept>();
  private usedLast: string | undefined;
  private readonly changed = new Map<string, Kept>();
  /** Up to which key old sessions were looked for. */
  private forgotUpTo: Uint8Array | undefined;

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly wallMs: () => number,
  ) {
    group.onCommit(() => this.save());
  }

  /** A publish is about to be stored; it counts with the batch under way. */
  add(subject: string, { session, seq }: PublishNumber): void {
    const name = nameOf(subject, session);
    const kept = this.kept(name);
    kept.numbers.add(seq);
    if (this.changed.has(name)) return;
    this.changed.set(name, kept);
    kept.unsaved++;
  }

  /** What became of a publish; of one that is on its way to the disk that is told when it is there, or never will be. */
  find(subject: string, { session, seq }: PublishNumber, tell: (fate: Fate) => void): void {
    const { numbers, unsaved } = this.kept(nameOf(subject, session));
    const isKnown = numbers.has(seq);
    if (isKnown === 'yes' && unsaved > 0)
      this.group.whenStored((failed) => tell(failed ? 'store-failed' : 'stored'));
    else tell(FATES[isKnown]);
  }

  /** Forgets sessions that nobody will ask for any more, some at a time. */
  forget(): void {
    const { from: first, to } = tableRange('numbers');
    const found = this.store.range(this.forgotUpTo ?? first, to, { limit: FORGET_AT_ONCE });
    for (const { key, value } of found) {
      const saved = unsealJson<Saved>(value);
      if (!saved || this.wallMs() - saved.atMs > MAX_AGE_MS) this.group.put(key, undefined);
    }
    this.forgotUpTo = found.length < FORGET_AT_ONCE ? undefined : found[found.length - 1]!.key;
  }

  private kept(name: string): Kept {
    let kept = this.sessions.get(name);
    // Publishes of a session come in batches.
    if (kept && name === this.usedLast) return kept;
    if (kept) this.sessions.delete(name);
    else {
      const key = keyOf(name);
      kept = { key, numbers: this.stored(key), unsaved: 0 };
    }
    this.usedLast = name;
    this.sessions.set(name, kept);
    if (this.sessions.size > MAX_SESSIONS) this.forgetOldest();
    return kept;
  }

  private forgetOldest(): void {
    for (const [oldest, { unsaved }] of this.sessions) {
      if (this.sessions.size <= MAX_SESSIONS || unsaved > 0) return;
      this.sessions.delete(oldest);
    }
  }

  private stored(key: Uint8Array): StoredNumbers {
    const value = this.store.get(key);
    if (!value) return new StoredNumbers();
    const saved = unsealJson<Saved>(value);
    // Where it is damaged, nobody knows of any number.
    return saved ? new StoredNumbers(saved.ranges, saved.knownFrom) : new StoredNumbers([], Infinity);
  }

  private save(): void {
    for (const kept of this.changed.values()) {
      const saved: Saved = { ...kept.numbers.saved, atMs: this.wallMs() };
      this.group.put(kept.key, sealJson(saved));
      this.group.whenStored((failed) => {
        if (!failed) kept.unsaved--;
      });
    }
    this.changed.clear();
  }
}

const FATES = { yes: 'stored', no: 'not-stored', unknown: 'unknown' } as const;

const nameOf = (subject: string, session: string): string => `${subject}\n${session}`;

const keyOf = (name: string): Uint8Array =>
  bytesKey('numbers', createHash('sha256').update(name).digest().subarray(0, HASH_BYTES));
