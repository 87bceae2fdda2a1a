/**
 * What a store under test is filled with: batch after batch, each made of nothing but its number, so that what a store
 * must hold after any of them can be known without the store.
 */
import { createHash } from 'node:crypto';
import { type DiskRecord, encodeRecord } from '../../server/src/engines/record-codec.ts';
import { sealText, unsealText } from '../../server/src/engines/sealed-value.ts';
import { newStoreWrites } from '../../server/src/engines/store-format.ts';
import { logKey, metaKey, queueKey } from '../../server/src/engines/store-keys.ts';
import type { StoreEntry, StoreWrite } from '../../server/src/ports/store.ts';
import { seededRandom } from '../server/support/seeded-random.ts';

/** Holds the number of the last batch. */
export const BATCH_KEY = metaKey('batch');

const LOG_KEPT = 150;
const QUEUE_KEPT = 60;

const record = (sequence: number, size: number): Uint8Array =>
  encodeRecord({ ...message, sequence, payload: `${sequence}:`.padEnd(size, 'abcdefgh') });
const message: DiskRecord = {
  sequence: 0,
  timeMs: 1_700_000_000_000,
  exchange: 'orders',
  key: 'orders.eu',
  payload: '',
  contentType: 'text/plain',
  subject: 'app',
  reached: [1],
  headers: { region: 'eu' },
  id: undefined,
  ttlMs: undefined,
};

/** The batches 1, 2, …: a log that is trimmed, a queue that is filled and drained, values of one page and of many. */
export class StoreModel {
  /** Digests of all that is stored after each batch; 0 is a new store. */
  readonly digests: string[] = [];

  private readonly entries = new Map<string, Uint8Array>();
  private nextOffset = 1;
  private firstOffset = 1;
  private nextSeq = 1;
  private firstSeq = 1;

  constructor(private readonly seed: number) {
    this.apply(newStoreWrites('model'));
    this.digests.push(this.digest());
  }

  /** The next batch; its number is `digests.length` − 1 from then on. */
  next(): StoreWrite[] {
    const number = this.digests.length;
    const random = seededRandom(this.seed * 1_000_003 + number);
    const below = (n: number) => Math.floor(random() * n);
    const size = () => (random() < 0.1 ? 4_000 + below(30_000) : below(900));
    const writes: StoreWrite[] = [{ key: BATCH_KEY, value: sealText(String(number)) }];
    for (let i = below(6); i >= 0; i--) {
      writes.push({ key: logKey(this.nextOffset), value: record(this.nextOffset, size()) });
      this.nextOffset++;
    }
    while (this.nextOffset - this.firstOffset > LOG_KEPT)
      writes.push({ key: logKey(this.firstOffset++), value: undefined });
    for (let i = below(8); i > 0; i--) {
      writes.push({ key: queueKey(3, this.nextSeq), value: record(this.nextSeq, size()) });
      this.nextSeq++;
    }
    const drained = Math.max(below(8), this.nextSeq - this.firstSeq - QUEUE_KEPT);
    for (let i = 0; i < drained && this.firstSeq < this.nextSeq; i++)
      writes.push({ key: queueKey(3, this.firstSeq++), value: undefined });
    this.apply(writes);
    this.digests.push(this.digest());
    return writes;
  }

  private apply(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      const name = Buffer.from(key).toString('latin1');
      if (value) this.entries.set(name, value);
      else this.entries.delete(name);
    }
  }

  private digest(): string {
    const sorted = [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return digestOf(sorted.map(([name, value]) => ({ key: Buffer.from(name, 'latin1'), value })));
  }
}

/** Of entries in the order of their keys. */
export function digestOf(entries: readonly StoreEntry[]): string {
  const hash = createHash('sha256');
  for (const { key, value } of entries)
    hash.update(`${key.length} ${value.length} `).update(key).update(value);
  return hash.digest('base64');
}

/** The number of the last batch in a store; undefined where there is none that can be read. */
export function lastBatch(value: Uint8Array | undefined): number | undefined {
  if (!value) return 0;
  const text = unsealText(value);
  return text === undefined ? undefined : Number(text);
}
