/** `ringhub.v1.json` for the hub: text messages, a frame a line (PROTOCOL §2). */
import {
  type ClientMessage,
  ClientMessageJson,
  encodeDeliver,
  encodeGapItem,
  encodeMessageItem,
  encodeServerFrame,
  encodeSnapshotEndItem,
  NoFrames,
  ShortTexts,
} from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import type { Batch } from './batch.ts';
import { type Answer, type HubCodec, hasEntries } from './hub-codec.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Entry } from './ready-ring.ts';

export class JsonHubCodec implements HubCodec {
  private readonly texts = new ShortTexts();
  private message = '';
  /** The last batch's entries and their joined text. */
  private sharedEntries: Entry[] = [];
  private sharedText = '';

  constructor(private readonly budget: MemoryBudget) {}

  read(message: Message): ClientMessage {
    return typeof message === 'string' ? new ClientMessageJson(message, this.texts) : new NoFrames();
  }

  encode(frame: Answer): string {
    return encodeServerFrame(frame);
  }

  encodeText(line: string): string {
    return line;
  }

  begin(): void {
    this.message = '';
  }

  put(frame: Message): void {
    this.addLine(frame as string);
  }

  putBatch(queue: number, batch: Batch): void {
    this.addLine(encodeDeliver(queue, batch.firstTag, this.textOf(batch), batch.notes));
  }

  end(): string | undefined {
    return this.message === '' ? undefined : this.message;
  }

  forgetShared(): void {
    this.sharedEntries = [];
    this.sharedText = '';
  }

  private addLine(line: string): void {
    this.message = this.message === '' ? line : `${this.message}\n${line}`;
  }

  private textOf(batch: Batch): string {
    const { entries, count } = batch;
    if (count === 1) return this.itemText(entries[0]!);
    if (hasEntries(batch, this.sharedEntries, this.sharedEntries.length)) return this.sharedText;
    let text = this.itemText(entries[0]!);
    for (let i = 1; i < count; i++) text += `,${this.itemText(entries[i]!)}`;
    this.sharedEntries = batch.toArray();
    this.sharedText = text;
    return text;
  }

  private itemText(entry: Entry): string {
    switch (entry.kind) {
      case 'message': {
        if (entry.itemText !== undefined) return entry.itemText;
        const text = encodeMessageItem(entry);
        this.budget.keepText(entry, text);
        return text;
      }
      case 'gap':
        return encodeGapItem(entry.toGap());
      case 'snapshot-end':
        return encodeSnapshotEndItem(entry.cursor, entry.complete);
      default:
        return entry satisfies never;
    }
  }
}
