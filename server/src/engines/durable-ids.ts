/**
 * Publish ids that outlive the process: which message each one named, for the same window as in memory
 * (PROTOCOL §11). Ids of what is not on disk yet are known, too, and answered when it is.
 *
 * The store has each id once by its hash, and once more in the order of remembering, to forget the oldest.
 */
import { createHash } from 'node:crypto';
import type { LogId } from '@ringhub/protocol';
import { DEFAULT_DEDUP_LIMITS, type DedupLimits } from '../core/dedup-window.ts';
import type { Store } from '../ports/store.ts';
import { sealBytes, sealJson, unsealBytes, unsealJson } from './sealed-value.ts';
import { bytesKey, HASH_BYTES, numberKey, sequenceOf, tableRange } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

export interface RememberedPublish {
  readonly log: LogId;
  readonly epoch: string;
  readonly offset: number;
}

interface Remembered extends RememberedPublish {
  readonly atMs: number;
  readonly order: number;
}

/** Entries forgotten with one that is remembered: more than one, so that the window shrinks to its bound. */
const FORGET_AT_ONCE = 4;

export class DurableIds {
  /** Being written, by key. */
  private readonly pending = new Map<string, RememberedPublish>();
  private oldest: number;
  private next: number;

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly wallMs: () => number,
    private readonly limits: DedupLimits = DEFAULT_DEDUP_LIMITS,
  ) {
    const { from, to } = tableRange('idOrder');
    const [first] = store.range(from, to, { limit: 1 });
    const [last] = store.range(from, to, { limit: 1, reverse: true });
    this.oldest = first ? sequenceOf(first.key) : 1;
    this.next = last ? sequenceOf(last.key) + 1 : 1;
  }

  /** The message an id names; `then` is called once it is on disk, or will never be. */
  find(
    subject: string,
    exchange: string,
    id: string,
    then: (publish: RememberedPublish, failed: boolean) => void,
  ): boolean {
    const hash = hashOf(subject, exchange, id);
    const pending = this.pending.get(hash.toString('latin1'));
    if (pending) {
      this.group.whenStored((failed) => then(pending, failed));
      return true;
    }
    const found = unsealJson<Remembered>(this.store.get(bytesKey('ids', hash)));
    if (!found || this.wallMs() - found.atMs > this.limits.maxAgeMs) return false;
    then({ log: found.log, epoch: found.epoch, offset: found.offset }, false);
    return true;
  }

  /** Goes with the batch that stores the message. */
  remember(subject: string, exchange: string, id: string, publish: RememberedPublish): void {
    const hash = hashOf(subject, exchange, id);
    const key = hash.toString('latin1');
    const remembered: Remembered = { ...publish, atMs: this.wallMs(), order: this.next++ };
    this.group.put(bytesKey('ids', hash), sealJson(remembered));
    this.group.put(numberKey('idOrder', remembered.order), sealBytes(hash));
    this.pending.set(key, publish);
    this.group.whenStored(() => {
      if (this.pending.get(key) === publish) this.pending.delete(key);
    });
    this.forget();
  }

  /** Forgets ids that are over the bounds, the oldest first. */
  forget(): void {
    for (let left = FORGET_AT_ONCE; left > 0 && this.oldest < this.next; left--) {
      const ordered = this.store.get(numberKey('idOrder', this.oldest));
      // Not on disk yet: so young a one is within the bounds.
      if (!ordered) return;
      const hash = unsealBytes(ordered);
      const found = hash && unsealJson<Remembered>(this.store.get(bytesKey('ids', hash)));
      const isOver =
        this.next - this.oldest > this.limits.maxEntries ||
        !found ||
        this.wallMs() - found.atMs > this.limits.maxAgeMs;
      if (!isOver) return;
      this.group.put(numberKey('idOrder', this.oldest), undefined);
      // The same id may have been remembered again since.
      if (hash && found?.order === this.oldest) this.group.put(bytesKey('ids', hash), undefined);
      this.oldest++;
    }
  }
}

const hashOf = (subject: string, exchange: string, id: string): Buffer =>
  createHash('sha256').update(`${subject}\n${exchange}\n${id}`).digest().subarray(0, HASH_BYTES);
