/**
 * The latest message of each key of durable exchanges on disk, whole, so that they outlive the log's retention
 * (PROTOCOL §10 `last-per-key`). Written at checkpoints: a key published a thousand times in between is written once.
 */
import { createHash } from 'node:crypto';
import type { EngineValues, StoredRecord } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import type { Now } from './durable-log.ts';
import { sealJson, unsealJson } from './sealed-value.ts';
import { HASH_BYTES, metaKey, valueKey } from './store-keys.ts';
import { decodeMessage, encodeMessage } from './stored-messages.ts';
import type { WriteGroup } from './write-group.ts';

const CHECKPOINT_KEY = metaKey('values');
/** Values read at once, and taken away in one turn of an exchange that is gone. */
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
  }

  put(incarnation: number, record: StoredRecord): void {
    this.group.put(valueKey(incarnation, hashOf(record.key)), encodeMessage(record));
  }

  remove(incarnation: number, key: string): void {
    this.group.put(valueKey(incarnation, hashOf(key)), undefined);
  }

  load(incarnation: number, value: (record: StoredRecord | undefined) => void): void {
    const to = valueKey(incarnation + 1);
    let from = valueKey(incarnation);
    for (;;) {
      const found = this.store.range(from, to, { limit: AT_ONCE });
      for (const entry of found) value(decodeMessage(entry.value, undefined, this.now()));
      if (found.length < AT_ONCE) return;
      from = Uint8Array.of(...found[found.length - 1]!.key, 0);
    }
  }

  /** Incarnations are never used twice, so what is left can go by and by. */
  clear(incarnation: number): void {
    this.cleared.add(incarnation);
    this.clearSome();
  }

  /** Takes away some more of the exchanges that are gone. */
  clearSome(): void {
    for (const incarnation of this.cleared) {
      const found = this.store.range(valueKey(incarnation), valueKey(incarnation + 1), { limit: AT_ONCE });
      for (const { key } of found) this.group.put(key, undefined);
      if (found.length === 0) this.cleared.delete(incarnation);
    }
  }

  checkpoint(offset: number, state: string): void {
    const checkpoint: Checkpoint = { offset, state };
    this.group.put(CHECKPOINT_KEY, sealJson(checkpoint));
    this.group.whenStored((failed) => {
      if (!failed) this.release(offset);
    });
  }
}

const hashOf = (key: string): Uint8Array => createHash('sha256').update(key).digest().subarray(0, HASH_BYTES);
