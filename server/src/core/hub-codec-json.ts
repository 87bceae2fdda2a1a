/** `ringhub.v1.json` for the hub: text messages, a frame a line (PROTOCOL §2). */
import {
  BAD_FRAME,
  decodeClientMessage,
  encodeDeliver,
  encodeGapItem,
  encodeMessageItem,
  encodeServerFrame,
  encodeSnapshotEndItem,
} from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import type { Batch } from './batch.ts';
import { type Answer, type HubCodec, sameEntries } from './hub-codec.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Entry } from './ready-ring.ts';

export class JsonHubCodec implements HubCodec {
  private readonly lines: string[] = [];
  /** The last batch's entries and their joined text. */
  private sharedEntries: Entry[] = [];
  private sharedText = '';

  constructor(private readonly budget: MemoryBudget) {}

  decode(message: Message) {
    return typeof message === 'string' ? decodeClientMessage(message) : [BAD_FRAME];
  }

  encode(frame: Answer): string {
    return encodeServerFrame(frame);
  }

  encodeText(line: string): string {
    return line;
  }

  begin(): void {
    this.lines.length = 0;
  }

  put(frame: Message): void {
    this.lines.push(frame as string);
  }

  putBatch(queue: number, batch: Batch): void {
    this.lines.push(encodeDeliver(queue, batch.firstTag, this.textOf(batch), batch.notes));
  }

  end(): string | undefined {
    return this.lines.length > 1 ? this.lines.join('\n') : this.lines[0];
  }

  forgetShared(): void {
    this.sharedEntries = [];
    this.sharedText = '';
  }

  private textOf({ entries }: Batch): string {
    if (entries.length === 1) return this.itemText(entries[0]!);
    if (sameEntries(entries, this.sharedEntries)) return this.sharedText;
    let text = this.itemText(entries[0]!);
    for (let i = 1; i < entries.length; i++) text += `,${this.itemText(entries[i]!)}`;
    this.sharedEntries = entries.slice();
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
