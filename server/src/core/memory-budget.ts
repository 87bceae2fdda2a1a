/**
 * The one budget for payloads held by rings. A record shared by many rings counts once (DESIGN promise 3).
 *
 * Their encoded texts are a cache beside it with a bound of its own: an eighth of the budget, the oldest go first.
 */
import type { StoredRecord } from '../ports/engine.ts';

const TEXT_SHARE = 8;

export class MemoryBudget {
  heldBytes = 0;
  /** Released by their last ring in this turn; their text may still be wanted by the next session's flush. */
  private readonly released: StoredRecord[] = [];
  /** Records with an encoded text, the oldest first. */
  private readonly texts = new Set<StoredRecord>();
  private textLength = 0;

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

  /** At the end of a turn: forgets the encoded text of what no ring holds any more. */
  forgetTexts(): void {
    for (const record of this.released) if (record.holders === 0) this.forgetText(record);
    this.released.length = 0;
  }

  /** Keeps a record's item as text for its other receivers. */
  keepText(record: StoredRecord, text: string): void {
    record.itemText = text;
    this.texts.add(record);
    this.textLength += text.length;
    for (const oldest of this.texts) {
      if (this.textLength <= this.budgetBytes / TEXT_SHARE) return;
      this.forgetText(oldest);
    }
  }

  private forgetText(record: StoredRecord): void {
    if (record.itemText === undefined) return;
    this.textLength -= record.itemText.length;
    record.itemText = undefined;
    this.texts.delete(record);
  }
}
