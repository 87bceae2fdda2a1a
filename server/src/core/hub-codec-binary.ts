/** `ringhub.v1.bin` for the hub: binary messages, frames back to back in one buffer that is used again (PROTOCOL §19). */
import {
  BAD_FRAME,
  ByteWriter,
  decodeClientMessageBinary,
  encodeMessageItemBinary,
  ShortTexts,
  writeDeliver,
  writeGapItem,
  writeServerFrame,
  writeServerText,
  writeSnapshotEndItem,
} from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import type { Batch } from './batch.ts';
import { type Answer, type HubCodec, sameEntries } from './hub-codec.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Entry } from './ready-ring.ts';

export class BinaryHubCodec implements HubCodec {
  private readonly message = new ByteWriter();
  /** What is written by itself, to be copied out. */
  private readonly scratch = new ByteWriter();
  /** The last batch's entries and their items. */
  private sharedEntries: Entry[] = [];
  private readonly sharedItems = new ByteWriter();
  private readonly texts = new ShortTexts();

  constructor(private readonly budget: MemoryBudget) {}

  decode(message: Message) {
    return typeof message === 'string' ? [BAD_FRAME] : decodeClientMessageBinary(message, this.texts);
  }

  encode(frame: Answer): Uint8Array {
    this.scratch.reset();
    writeServerFrame(this.scratch, frame);
    return this.scratch.slice();
  }

  encodeText(line: string): Uint8Array {
    this.scratch.reset();
    writeServerText(this.scratch, line);
    return this.scratch.slice();
  }

  begin(): void {
    this.message.reset();
  }

  put(frame: Message): void {
    this.message.raw(frame as Uint8Array);
  }

  putBatch(queue: number, batch: Batch): void {
    const { firstTag, entries, notes } = batch;
    writeDeliver(this.message, queue, firstTag, entries.length, this.itemsOf(entries), notes);
  }

  end(): Uint8Array | undefined {
    return this.message.length > 0 ? this.message.subarray() : undefined;
  }

  forgetShared(): void {
    this.sharedEntries = [];
    this.sharedItems.reset();
  }

  private itemsOf(entries: readonly Entry[]): Uint8Array {
    const [first] = entries;
    if (entries.length === 1 && first!.kind === 'message') return this.itemBytes(first!);
    if (!sameEntries(entries, this.sharedEntries)) {
      this.sharedItems.reset();
      for (const entry of entries) this.writeItem(entry);
      this.sharedEntries = entries.slice();
    }
    return this.sharedItems.subarray();
  }

  private writeItem(entry: Entry): void {
    switch (entry.kind) {
      case 'message':
        this.sharedItems.raw(this.itemBytes(entry));
        return;
      case 'gap':
        writeGapItem(this.sharedItems, entry.toGap());
        return;
      case 'snapshot-end':
        writeSnapshotEndItem(this.sharedItems, entry.cursor, entry.complete);
        return;
      default:
        entry satisfies never;
    }
  }

  private itemBytes(entry: Extract<Entry, { kind: 'message' }>): Uint8Array {
    if (entry.itemBytes !== undefined) return entry.itemBytes;
    const bytes = encodeMessageItemBinary(entry, this.scratch);
    this.budget.keepBytes(entry, bytes);
    return bytes;
  }
}
