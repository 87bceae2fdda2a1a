/**
 * The latest message of each key of durable exchanges on disk, whole, so that they outlive the log's retention
 * (PROTOCOL §10 `last-per-key`). Written at checkpoints: a key published a thousand times in between is written once.
 */
import { createHash } from 'node:crypto';
import type { EngineValues, StoredRecord } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { Now } from './durable-log.ts';
import { sealJson, sealText, unsealJson } from './sealed-value.ts';
import { HASH_BYTES, metaKey, valueKey } from './store-keys.ts';
import { decodeMessage, encodeMessage } from './stored-messages.ts';
import type { WriteGroup } from './write-group.ts';

const CHECKPOINT_KEY = metaKey('values');
/** Of each exchange that is gone and has values left, noted until they are gone, too. */
const CLEARED = 'values/cleared/';
const clearedKey = (incarnation: number): Uint8Array => metaKey(`${CLEARED}${incarnation}`);
const MAX_CLEARED = 1_000_000;
/** Values read at once. */
const AT_ONCE = 2_000;

interface Checkpoint {
  readonly offset: number;
  readonly state: string;
}

export class DurableValues implements EngineValues {
  readonly lastCheckpoint: Checkpoint | 'damaged' | undefined;
  /** Exchanges that are gone, some of whose values are still there. */
  private readonly cleared = new Set<number>();

  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
    private readonly now: () => Now,
    /** Told up to where the log need not be kept any more. */
    private readonly release: (offset: number) => void,
  ) {
    const value = store.get(CHECKPOINT_KEY);
    const checkpoint = unsealJson<Checkpoint>(value);
    this.lastCheckpoint = checkpoint ?? (value && 'damaged');
    if (checkpoint) release(checkpoint.offset);
    for (const incarnation of clearedIn(store)) this.cleared.add(incarnation);
  }

  put(incarnation: number, record: StoredRecord): void {
    this.group.put(valueKey(incarnation, hashOf(record.key)), encodeMessage(record));
  }

  remove(incarnation: number, key: string): void {
    this.group.put(valueKey(incarnation, hashOf(key)), undefined);
  }

  load(incarnation: number, value: (record: StoredRecord | undefined) => void): void {
    if (this.cleared.has(incarnation)) return;
    const to = valueKey(incarnation + 1);
    let from = valueKey(incarnation);
    for (;;) {
      const found = this.store.range(from, to, { limit: AT_ONCE });
      for (const entry of found) value(decodeMessage(entry.value, undefined, this.now()));
      if (found.length < AT_ONCE) return;
      from = Uint8Array.of(...found[found.length - 1]!.key, 0);
    }
  }

  /** Incarnations are never used twice, so what is left can go by and by; a later process goes on with it. */
  clear(incarnation: number): void {
    this.group.put(clearedKey(incarnation), sealText(''));
    // What is on its way to the disk is found once it is there.
    this.group.whenStored(() => this.cleared.add(incarnation));
  }

  /** Takes away up to so many more values of exchanges that are gone; returns how many. */
  removeSome(limit: number): number {
    let left = limit;
    for (const incarnation of this.cleared) {
      const found = this.store.keys(valueKey(incarnation), valueKey(incarnation + 1), left);
      for (const key of found) this.group.put(key, undefined);
      left -= found.length;
      if (left === 0) break;
      this.cleared.delete(incarnation);
      this.group.put(clearedKey(incarnation), undefined);
    }
    return limit - left;
  }

  checkpoint(offset: number, state: string): void {
    const checkpoint: Checkpoint = { offset, state };
    this.group.put(CHECKPOINT_KEY, sealJson(checkpoint));
    this.group.whenStored((failed) => {
      if (!failed) this.release(offset);
    });
  }
}

/** Exchanges whose values an earlier process has not taken away. */
function clearedIn(store: Store): number[] {
  const [from, to] = [metaKey(CLEARED), metaKey(`${CLEARED}:`)];
  const keys = store.keys(from, to, MAX_CLEARED);
  return keys.map((key) => Number(new TextDecoder().decode(key.subarray(from.length))));
}

const hashOf = (key: string): Uint8Array => createHash('sha256').update(key).digest().subarray(0, HASH_BYTES);
