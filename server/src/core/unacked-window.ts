/**
 * The sent part of a session queue: entries by delivery tag, until each is settled.
 *
 *     first           sent           next
 *       ▼               ▼              ▼
 *   … [3] [·] [5] [6] | [7] [8] [9]      · settled; behind `sent`: to be sent again after a resume
 *
 * Tags are contiguous and assigned at first send. A settled entry leaves a hole until everything before it
 * is settled too; `span` counts the holes, so a forgotten first ack bounds what follows it. The consumers of named
 * queues have such a window, too, each of its own.
 */
import type { TagRanges } from '@ringhub/protocol';
import type { Entry } from './ready-ring.ts';

/** Messages weigh something; what else stands in a window does not. */
type Windowed =
  | { readonly kind: 'message'; readonly bytes: number }
  | { readonly kind: 'gap' | 'snapshot-end' };

const INITIAL_SLOTS = 8;
/** Of all windows that nothing was sent in yet: never written to, as a full one grows first. */
const NO_SLOTS: undefined[] = [];

export class UnackedWindow<E extends Windowed = Entry> {
  /** Unsettled entries of all kinds. */
  unsettled = 0;
  messages = 0;
  bytes = 0;

  private slots: (E | undefined)[] = NO_SLOTS;
  /** The lowest tag not settled, or `next` where all are. */
  private first = 1;
  private next = 1;
  private sent = 0;

  get firstTag(): number {
    return this.first;
  }

  /** The highest tag assigned; 0 for none. */
  get lastTag(): number {
    return this.next - 1;
  }

  /** The highest tag sent on this connection or a former one that received it. */
  get sentTag(): number {
    return this.sent;
  }

  /** Something sent before is to be sent again. */
  get hasResends(): boolean {
    return this.sent < this.next - 1;
  }

  /** Tags from the first unsettled one on, holes included. */
  get span(): number {
    return this.next - this.first;
  }

  /** Assigns the next tag to an entry that is being sent for the first time. */
  add(entry: E): number {
    if (this.span === this.slots.length) this.grow();
    const tag = this.next++;
    this.slots[tag & (this.slots.length - 1)] = entry;
    if (this.sent === tag - 1) this.sent = tag;
    this.unsettled++;
    if (entry.kind === 'message') {
      this.messages++;
      this.bytes += entry.bytes;
    }
    return tag;
  }

  /** Assigns a tag without keeping anything (ack none). */
  skip(): number {
    const tag = this.next++;
    this.first = this.next;
    this.sent = tag;
    return tag;
  }

  /** The unsettled entry of a tag, or `undefined`. */
  get(tag: number): E | undefined {
    return tag >= this.first && tag < this.next ? this.slots[tag & (this.slots.length - 1)] : undefined;
  }

  /** Takes an unsettled entry out; `undefined` where the tag was never assigned or is settled. */
  take(tag: number): E | undefined {
    const entry = this.get(tag);
    if (!entry) return undefined;
    const mask = this.slots.length - 1;
    this.slots[tag & mask] = undefined;
    this.unsettled--;
    if (entry.kind === 'message') {
      this.messages--;
      this.bytes -= entry.bytes;
    }
    while (this.first < this.next && this.slots[this.first & mask] === undefined) this.first++;
    return entry;
  }

  /** The first tag of these that was not sent, is settled, or does not lie above `above`; with bounded work. */
  firstUnknown(ranges: TagRanges, above: number): number | undefined {
    for (const [from, to] of ranges) {
      if (from <= above) return from;
      for (let tag = from; tag <= to; tag++) if (tag > this.sent || !this.get(tag)) return tag;
    }
    return undefined;
  }

  /** Puts another entry at an unsettled tag (a message that became a gap). */
  replace(tag: number, entry: E): E {
    const slot = tag & (this.slots.length - 1);
    const old = this.slots[slot]!;
    this.slots[slot] = entry;
    if (old.kind === 'message') {
      this.messages--;
      this.bytes -= old.bytes;
    }
    if (entry.kind === 'message') {
      this.messages++;
      this.bytes += entry.bytes;
    }
    return old;
  }

  /** Everything after `tag` is to be sent again. */
  rewind(tag: number): void {
    this.sent = tag;
  }

  /** The next unsettled tag to send again, or 0; moves past settled ones. */
  nextResend(): number {
    while (this.sent < this.next - 1) {
      const tag = this.sent + 1;
      if (this.get(tag)) return tag;
      this.sent = tag;
    }
    return 0;
  }

  /** Goes on with the tag after `tag`: the client never saw those behind it. Only while the window is empty. */
  restartAfter(tag: number): void {
    if (this.unsettled > 0) throw new Error('window: tags are in use');
    this.first = this.next = tag + 1;
    this.sent = tag;
  }

  markSent(tag: number): void {
    if (tag > this.sent) this.sent = tag;
  }

  private grow(): void {
    const size = Math.max(INITIAL_SLOTS, this.slots.length * 2);
    const slots = new Array<E | undefined>(size);
    const mask = this.slots.length - 1;
    for (let tag = this.first; tag < this.next; tag++) slots[tag & (size - 1)] = this.slots[tag & mask];
    this.slots = slots;
  }
}
