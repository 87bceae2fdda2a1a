/**
 * One subscription as Server-Sent Events (PROTOCOL §17): the frames of its session, written as `text/event-stream`.
 *
 *     hub ─ frames ─► EventStream ─ text ─► waiting pieces ─ pulled by the peer ─► body
 *
 * Invariants: an `id` is a cursor with which nothing is missed and nothing comes twice; what waits unread counts as
 * buffered, so that the hub stops writing and the subscription's ring, with its policy, takes over: a reader that is too
 * slow gets gaps. The end of either side ends the other.
 */
import {
  decodeServerMessage,
  type ErrorEntry,
  formatCursor,
  type GapRange,
  type Item,
  type LogId,
  type Position,
  parseCursor,
  type ServerFrame,
  type Since,
} from '@ringhub/protocol';
import type { Listener, Listening } from '../ports/hub-api.ts';
import { DRAINED_BELOW_BYTES } from '../ports/transport.ts';
import { itemBody } from './item-body.ts';

/** How long an EventSource waits before it comes back, unless a drain says when. */
const RETRY_MS = 2_000;
/** It keeps this wait while it fails: one that came at once would hammer a hub that is not back yet. */
const MIN_RETRY_MS = 500;

export class EventStream implements Listener {
  bufferedBytes = 0;
  readonly body: ReadableStream<Uint8Array>;
  private readonly waiting: Uint8Array[] = [];
  private readonly encoder = new TextEncoder();
  private listening: Listening | undefined;
  /** The present epoch of each log. */
  private epochs: Partial<Record<LogId, string>> = {};
  /** Up to where everything was told, in each log that the subscription reads. */
  private readonly positions = new Map<LogId, Position>();
  private isOver = false;
  private isInSnapshot = false;
  /** Goes on with a pull that found nothing to give. */
  private wake: (() => void) | undefined;

  /** @param isOrdered deliveries are in the order of the log: not with `conflate`, where only marks move the cursor */
  constructor(private readonly isOrdered: boolean) {
    this.body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (this.waiting.length === 0 && !this.isOver) {
            await new Promise<void>((resolve) => {
              this.wake = resolve;
            });
          }
          this.give(controller);
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The subscription is there. A given cursor holds until what follows it has come: the hub's may be beyond a gap. */
  open(listening: Listening, since?: Since): void {
    this.listening = listening;
    this.isInSnapshot = listening.cursor === null;
    const cursor = typeof since === 'object' && 'cursor' in since ? since.cursor : listening.cursor;
    if (cursor !== null) this.moveTo(cursor);
    this.put(`retry: ${RETRY_MS}\n${cursor === null ? '' : `id: ${cursor}\n`}\n`);
  }

  /** The reader is gone. */
  close(): void {
    this.isOver = true;
    this.waiting.length = 0;
    this.bufferedBytes = 0;
    this.wake?.();
    this.listening?.close();
  }

  send(message: string): void {
    if (this.isOver) return;
    let text = '';
    for (const frame of decodeServerMessage(message) ?? []) text += this.textOf(frame);
    if (text !== '') this.put(text);
  }

  end(why: ErrorEntry | 'bye'): void {
    if (this.isOver) return;
    if (why !== 'bye') {
      const { code, name, text } = why;
      this.put(`event: closed\ndata: ${JSON.stringify({ code, name, text })}\n\n`);
    }
    this.isOver = true;
    this.wake?.();
  }

  private textOf(frame: ServerFrame): string {
    switch (frame.type) {
      case 'welcome':
        this.epochs = frame.epochs;
        return '';
      case 'deliver':
        return frame.items.map((item) => this.eventOf(item)).join('');
      case 'mark':
        this.moveTo(frame.cursor);
        return `id: ${frame.cursor}\n\n`;
      case 'ping':
        return ': ping\n\n';
      case 'drain':
        return `retry: ${Math.max(MIN_RETRY_MS, frame.reconnectInMs)}\n\n`;
      default:
        return '';
    }
  }

  private eventOf(item: Item): string {
    const cursor = this.cursorOf(item);
    const id = cursor === undefined ? '' : `id: ${cursor}\n`;
    return `${id}event: ${item.kind}\ndata: ${JSON.stringify(itemBody(item))}\n\n`;
  }

  /** Where to go on after an item; undefined where that cannot be said. */
  private cursorOf(item: Item): string | undefined {
    if (item.kind === 'snapshot-end') {
      this.isInSnapshot = false;
      this.moveTo(item.cursor);
      return item.cursor;
    }
    if (!this.isOrdered || this.isInSnapshot) return undefined;
    if (item.kind === 'message') this.move(item.log, item.offset);
    else this.passGap(item.gap.ranges);
    return formatCursor([...this.positions.values()]);
  }

  private passGap(ranges: readonly GapRange[]): void {
    for (const log of new Set(ranges.map((range) => range.log))) {
      const ends = ranges.filter((range) => range.log === log).map((range) => this.behind(range));
      this.move(log, Math.max(0, ...ends));
    }
  }

  /** Where reading goes on behind a loss; behind another life of the log it is the start of this one. */
  private behind({ log, epoch, from, to, reason }: GapRange): number {
    if (epoch !== this.epochs[log]) return 0;
    return reason === 'epoch' || to === null ? from - 1 : to;
  }

  private move(log: LogId, offset: number): void {
    this.positions.set(log, { log, epoch: this.epochs[log] ?? '', offset });
  }

  private moveTo(cursor: string): void {
    for (const position of parseCursor(cursor) ?? []) this.positions.set(position.log, position);
  }

  private put(text: string): void {
    const bytes = this.encoder.encode(text);
    this.waiting.push(bytes);
    this.bufferedBytes += bytes.length;
    this.wake?.();
  }

  private give(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.wake = undefined;
    const piece = this.waiting.shift();
    if (piece) {
      const before = this.bufferedBytes;
      this.bufferedBytes -= piece.length;
      controller.enqueue(piece);
      if (before >= DRAINED_BELOW_BYTES && this.bufferedBytes < DRAINED_BELOW_BYTES)
        this.listening?.drained();
    }
    if (this.isOver && this.waiting.length === 0) controller.close();
  }
}
