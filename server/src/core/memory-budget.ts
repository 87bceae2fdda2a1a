/**
 * The one budget for payloads held by rings. A record shared by many rings counts once (ARCHITECTURE, rule 3).
 *
 * Their encoded items are a cache beside it with a bound of its own: an eighth of the budget, the oldest go first.
 */
import type { StoredRecord } from '../ports/engine.ts';

const ITEM_SHARE = 8;

export class MemoryBudget {
  heldBytes = 0;
  /** Held by no ring at some moment of this turn; their item may still be wanted by the next session's flush. */
  private readonly released: StoredRecord[] = [];
  /** Records with an encoded item, the oldest first. */
  private readonly encoded = new Set<StoredRecord>();
  /** Of text, each character counts as a byte. */
  private encodedBytes = 0;

  constructor(readonly budgetBytes: number) {}

  get exceeded(): boolean {
    return this.heldBytes > this.budgetBytes;
  }

  /** Whether one more ring may hold a record that can also wait in its log. */
  hasRoomFor(record: StoredRecord): boolean {
    return record.holders > 0 || this.heldBytes === 0 || this.heldBytes + record.bytes <= this.budgetBytes;
  }

  /** One more ring holds the record. */
  hold(record: StoredRecord): void {
    if (record.holders++ === 0) this.heldBytes += record.bytes;
  }

  /** One ring less holds it. */
  release(record: StoredRecord): void {
    if (--record.holders > 0) return;
    if (record.holders < 0) throw new Error('memory budget: released twice');
    this.heldBytes -= record.bytes;
    this.released.push(record);
  }

  /** At the end of a turn: forgets the encoded item of what no ring holds any more. */
  forgetItems(): void {
    for (const record of this.released) if (record.holders === 0) this.forgetItem(record);
    this.released.length = 0;
  }

  /** Keeps a record's item as JSON text for its other receivers. */
  keepText(record: StoredRecord, text: string): void {
    record.itemText = text;
    this.kept(record, text.length);
  }

  /** As `keepText`, for receivers of binary frames. */
  keepBytes(record: StoredRecord, bytes: Uint8Array): void {
    record.itemBytes = bytes;
    this.kept(record, bytes.length);
  }

  /** Forgets the encoded item of a record that no ring holds: nobody else receives it. */
  forgetUnheld(record: StoredRecord): void {
    if (record.holders === 0) this.forgetItem(record);
  }

  private kept(record: StoredRecord, bytes: number): void {
    this.encoded.add(record);
    this.encodedBytes += bytes;
    // A named queue gives it to one consumer: nobody wants it after this turn.
    if (record.holders === 0) this.released.push(record);
    if (this.encodedBytes > this.budgetBytes / ITEM_SHARE) this.forgetOldest();
  }

  /** Some more than need be: each walk through the set passes over the places of all that went before. */
  private forgetOldest(): void {
    let more = this.encoded.size >> 4;
    for (const oldest of this.encoded) {
      if (this.encodedBytes <= this.budgetBytes / ITEM_SHARE && more-- <= 0) return;
      this.forgetItem(oldest);
    }
  }

  private forgetItem(record: StoredRecord): void {
    this.encodedBytes -= (record.itemText?.length ?? 0) + (record.itemBytes?.length ?? 0);
    record.itemText = undefined;
    record.itemBytes = undefined;
    this.encoded.delete(record);
  }
}
