/**
 * The one budget for payloads held by rings. A record shared by many rings counts once (DESIGN promise 3).
 */
import type { StoredRecord } from '../ports/engine.ts';

export class MemoryBudget {
  heldBytes = 0;
  /** Released by their last ring in this turn; their text may still be wanted by the next session's flush. */
  private readonly released: StoredRecord[] = [];

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
    for (const record of this.released) if (record.holders === 0) record.itemText = undefined;
    this.released.length = 0;
  }
}
