/**
 * A subscriber or publisher that speaks the wire protocol and counts, so that the load generator's own cost
 * stays small. It acks lazily, as the SDK does, and keeps an account of its own that needs no trust in the hub's.
 */
import {
  type ClientFrame,
  decodeServerMessage,
  encodeClientFrame,
  type ServerFrame,
  SUBPROTOCOL_JSON,
  type SubscribeOptions,
} from '@ringhub/protocol';
import { WebSocket } from 'ws';

const ACK_EVERY = 64;
const ACK_AFTER_MS = 100;

export class WireClient {
  messages = 0;
  /** Lost messages that were told, and gaps that told them. */
  lost = 0;
  gaps = 0;
  /** Tags or offsets out of order: must stay 0. */
  disorder = 0;
  confirmed = 0;
  refused = 0;

  private queue = 0;
  private lastTag = 0;
  private ackedTag = 0;
  private lastOffset = 0;
  private seq = 0;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  private onConfirmed: (() => void) | undefined;

  private constructor(
    readonly socket: WebSocket,
    readonly window: number,
  ) {}

  static async open(url: string, token: string): Promise<WireClient> {
    const socket = new WebSocket(url, SUBPROTOCOL_JSON);
    const welcome = await new Promise<ServerFrame>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', (code, reason) => reject(new Error(`closed ${code} ${reason}`)));
      socket.once('open', () => socket.send(encodeClientFrame({ type: 'hello', version: 1, token })));
      socket.once('message', (data) => resolve(decodeServerMessage(String(data))![0]!));
    });
    socket.removeAllListeners();
    socket.on('error', () => {});
    const window = welcome.type === 'welcome' ? welcome.publishWindow.messages : 1;
    const client = new WireClient(socket, window);
    socket.on('message', (data) => client.take(String(data)));
    return client;
  }

  async subscribe(options: SubscribeOptions): Promise<void> {
    this.queue = await this.command({ type: 'subscribe', ref: 1, options });
  }

  async consume(name: string, prefetch: number): Promise<void> {
    this.queue = await this.command({ type: 'consume', ref: 1, options: { consume: name, prefetch } });
  }

  /** Resolves with the queue that the answer names, if any; one command at a time. */
  command(frame: ClientFrame): Promise<number> {
    return new Promise((resolve, reject) => {
      this.onAnswer = { resolve, reject };
      this.socket.send(encodeClientFrame(frame));
    });
  }

  /** Publishes `count` messages in one WebSocket message and resolves once all before them are well under way. */
  async publish(
    exchange: string,
    key: string,
    payload: string,
    count: number,
    window = this.window,
  ): Promise<void> {
    let text = '';
    for (let i = 0; i < count; i++) {
      this.seq++;
      text += `${i === 0 ? '' : '\n'}["publish",${this.seq},"${exchange}","${key}",${JSON.stringify(payload)}]`;
    }
    this.socket.send(text);
    while (this.seq - this.confirmed - this.refused > window - count) {
      await new Promise<void>((resolve) => {
        this.onConfirmed = resolve;
      });
    }
  }

  get published(): number {
    return this.seq;
  }

  get isConfirmed(): boolean {
    return this.confirmed + this.refused === this.seq;
  }

  private onAnswer: { resolve(queue: number): void; reject(error: Error): void } | undefined;

  private take(text: string): void {
    for (const frame of decodeServerMessage(text) ?? []) {
      switch (frame.type) {
        case 'deliver':
          this.takeItems(frame.firstTag, frame.items);
          break;
        case 'confirm':
          for (const run of frame.runs) this.confirmed += run.count;
          this.onConfirmed?.();
          break;
        case 'refused':
          this.refused++;
          this.onConfirmed?.();
          break;
        case 'ok':
          this.onAnswer?.resolve(frame.result && 'queue' in frame.result ? frame.result.queue : 0);
          break;
        case 'error':
          this.onAnswer?.reject(new Error(frame.text));
          break;
        case 'ping':
          this.socket.send('["pong"]');
          break;
        default:
      }
    }
  }

  private takeItems(firstTag: number, items: Extract<ServerFrame, { type: 'deliver' }>['items']): void {
    if (firstTag !== this.lastTag + 1) this.disorder++;
    this.lastTag = firstTag + items.length - 1;
    for (const item of items) {
      if (item.kind === 'message') {
        this.messages++;
        if (item.offset <= this.lastOffset) this.disorder++;
        this.lastOffset = item.offset;
      } else if (item.kind === 'gap') {
        this.gaps++;
        this.lost += item.gap.count ?? 0;
      }
    }
    if (this.lastTag - this.ackedTag >= ACK_EVERY) this.ack();
    else this.ackTimer ??= setTimeout(() => this.ack(), ACK_AFTER_MS);
  }

  private ack(): void {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    this.ackedTag = this.lastTag;
    this.socket.send(`["ack",${this.queue},${this.lastTag}]`);
  }
}
