/**
 * The newest records of the durable log, decoded: what its readers are likely to ask for again. Bounded in records and
 * bytes; offsets follow one another, so a ring holds them.
 */
import type { StoredRecord } from '../ports/engine.ts';

const MAX_RECORDS = 1_024;
const MAX_BYTES = 4 * 1024 * 1024;

export class RecentRecords {
  private readonly ring: (StoredRecord | undefined)[] = new Array(MAX_RECORDS).fill(undefined);
  /** first <= offset < next. */
  private first: number;
  private next: number;
  private bytes = 0;

  /** @param next offset of the first record to come */
  constructor(next: number) {
    this.first = next;
    this.next = next;
  }

  /** Takes the record that follows the last one. */
  push(record: StoredRecord): void {
    if (record.offset !== this.next) throw new Error(`recent records: ${record.offset} is not ${this.next}`);
    if (this.next - this.first === MAX_RECORDS) this.forgetFirst();
    this.ring[record.offset % MAX_RECORDS] = record;
    this.next++;
    this.bytes += record.bytes;
    while (this.bytes > MAX_BYTES) this.forgetFirst();
  }

  get(offset: number): StoredRecord | undefined {
    return offset >= this.first && offset < this.next ? this.ring[offset % MAX_RECORDS] : undefined;
  }

  /** Forgets everything before an offset. */
  forgetBefore(offset: number): void {
    while (this.first < Math.min(offset, this.next)) this.forgetFirst();
  }

  private forgetFirst(): void {
    const at = this.first++ % MAX_RECORDS;
    this.bytes -= this.ring[at]!.bytes;
    this.ring[at] = undefined;
  }
}
