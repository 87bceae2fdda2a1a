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
  readonly numbers: StoredNumbers;
  /** Changes that are not on disk yet: until they are, the store does not know them. */
  unsaved: number;
}

export class DurableNumbers {
  /** By key, the one used last at the end. */
  private readonly sessions = new Map<string, Kept>();
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
    const key = keyOf(subject, session);
    const kept = this.kept(key);
    kept.numbers.add(seq);
    if (this.changed.has(key)) return;
    this.changed.set(key, kept);
    kept.unsaved++;
  }

  /** What became of a publish; of one that is on its way to the disk that is told when it is there, or never will be. */
  find(subject: string, { session, seq }: PublishNumber, tell: (fate: Fate) => void): void {
    const { numbers, unsaved } = this.kept(keyOf(subject, session));
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

  private kept(key: string): Kept {
    let kept = this.sessions.get(key);
    if (kept) this.sessions.delete(key);
    else {
      kept = { numbers: this.stored(key), unsaved: 0 };
    }
    this.sessions.set(key, kept);
    for (const [oldest, { unsaved }] of this.sessions) {
      if (this.sessions.size <= MAX_SESSIONS || unsaved > 0) break;
      this.sessions.delete(oldest);
    }
    return kept;
  }

  private stored(key: string): StoredNumbers {
    const value = this.store.get(bytesKey('numbers', Buffer.from(key, 'latin1')));
    if (!value) return new StoredNumbers();
    const saved = unsealJson<Saved>(value);
    // Where it is damaged, nobody knows of any number.
    return saved ? new StoredNumbers(saved.ranges, saved.knownFrom) : new StoredNumbers([], Infinity);
  }

  private save(): void {
    for (const [key, kept] of this.changed) {
      const saved: Saved = { ...kept.numbers.saved, atMs: this.wallMs() };
      this.group.put(bytesKey('numbers', Buffer.from(key, 'latin1')), sealJson(saved));
      this.group.whenStored((failed) => {
        if (!failed) kept.unsaved--;
      });
    }
    this.changed.clear();
  }
}

const FATES = { yes: 'stored', no: 'not-stored', unknown: 'unknown' } as const;

const keyOf = (subject: string, session: string): string =>
  createHash('sha256').update(`${subject}\n${session}`).digest().subarray(0, HASH_BYTES).toString('latin1');
