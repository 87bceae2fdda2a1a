/**
 * `ringhub.v1.bin` for the hub: binary messages, frames back to back in one buffer that is used again (PROTOCOL §19).
 *
 * Hot path: where sessions are sent the same entries one after the other, the message of the first becomes that of the
 * next by overwriting queue and tag, and the view of it that was given out is given out again.
 */
import {
  ByteWriter,
  beginDeliver,
  type ClientMessage,
  ClientMessageBinary,
  encodeMessageItemBinary,
  NoFrames,
  patchDeliver,
  ShortTexts,
  writeGapItem,
  writeServerFrame,
  writeServerText,
  writeSnapshotEndItem,
} from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import type { Batch } from './batch.ts';
import { type Answer, type HubCodec, hasEntries } from './hub-codec.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Entry } from './ready-ring.ts';

export class BinaryHubCodec implements HubCodec {
  private readonly message = new ByteWriter();
  /** What is written by itself, to be copied out. */
  private readonly scratch = new ByteWriter();
  private readonly texts = new ShortTexts();
  /** The message that stands in the buffer is one batch of these and nothing else; empty where it is not. */
  private readonly shared: Entry[] = [];
  private sharedCount = 0;
  private sharedLength = 0;
  /** What `end` gave last. */
  private view: Uint8Array | undefined;

  constructor(private readonly budget: MemoryBudget) {}

  read(message: Message): ClientMessage {
    return typeof message === 'string' ? new NoFrames() : new ClientMessageBinary(message, this.texts);
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
    this.message.restart();
  }

  put(frame: Message): void {
    this.sharedCount = 0;
    this.message.raw(frame as Uint8Array);
  }

  putBatch(queue: number, batch: Batch): void {
    const { message } = this;
    const { firstTag, notes } = batch;
    const mayShare = message.length === 0 && notes.length === 0;
    if (mayShare && hasEntries(batch, this.shared, this.sharedCount)) {
      message.restore(this.sharedLength);
      patchDeliver(message.buffer, queue, firstTag);
      return;
    }
    this.sharedCount = 0;
    const start = beginDeliver(message, queue, firstTag, batch.count, notes);
    for (let i = 0; i < batch.count; i++) this.writeItem(batch.entries[i]!);
    message.end(start);
    if (mayShare) this.share(batch);
  }

  end(): Uint8Array | undefined {
    const { message, view } = this;
    if (message.length === 0) return undefined;
    if (view?.length === message.length && message.isIn(view)) return view;
    this.view = message.subarray();
    return this.view;
  }

  forgetShared(): void {
    this.shared.length = 0;
    this.sharedCount = 0;
    this.view = undefined;
    this.message.reset();
  }

  private share({ entries, count }: Batch): void {
    for (let i = 0; i < count; i++) this.shared[i] = entries[i]!;
    this.sharedCount = count;
    this.sharedLength = this.message.length;
  }

  private writeItem(entry: Entry): void {
    switch (entry.kind) {
      case 'message':
        this.message.raw(this.itemBytes(entry));
        return;
      case 'gap':
        writeGapItem(this.message, entry.toGap());
        return;
      case 'snapshot-end':
        writeSnapshotEndItem(this.message, entry.cursor, entry.complete);
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
