/** A session of the hub by hand: JSON frames through the gateway, as a client's socket brings them. */
import { decodeServerMessage, type MessageItem, type ServerFrame, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import type { Message, Socket, SocketHandler } from '../../../server/src/ports/transport.ts';
import type { Seen } from './outcome.ts';

type FrameOf<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

class HubSocket implements Socket {
  readonly bufferedBytes = 0;
  readonly subprotocol = SUBPROTOCOL_JSON;
  readonly address = 'conformance';
  messages: Message[] = [];
  /** Why the hub closed it, if it did. */
  closed: string | undefined;

  send(message: Message): void {
    this.messages.push(message);
  }

  close(code: number, reason: string): void {
    this.closed ??= `${code}: ${reason}`;
  }

  terminate(): void {
    this.closed ??= 'cut';
  }
}

export class HubSession {
  private readonly socket = new HubSocket();
  private readonly handler: SocketHandler;
  private frames: ServerFrame[] = [];
  private refs = 0;
  private published = 0;

  /** @param settle lets the hub come to rest */
  constructor(
    accept: (socket: Socket) => SocketHandler,
    private readonly settle: () => void,
    token: string,
  ) {
    this.handler = accept(this.socket);
    this.send(['hello', { version: 1, token }]);
    this.take('welcome');
  }

  /** A command, and its answer. */
  command(type: string, ...fields: unknown[]): FrameOf<'ok'> | FrameOf<'error'> {
    const ref = ++this.refs;
    this.send([type, ref, ...fields]);
    const answers = [...this.take('ok', ref), ...this.take('error', ref)];
    if (answers.length !== 1) throw new Error(`${type} was answered ${answers.length} times`);
    return answers[0]!;
  }

  /** Publishes in one WebSocket message; returns the answers in order. */
  publish(
    messages: readonly (readonly unknown[])[],
  ): (FrameOf<'refused'> | 'confirmed' | { refused: string[] })[] {
    const first = this.published + 1;
    this.published += messages.length;
    this.send(...messages.map((fields, i) => ['publish', first + i, ...fields]));
    const answers = new Map<number, FrameOf<'refused'> | 'confirmed' | { refused: string[] }>();
    for (const { runs } of this.take('confirm')) {
      for (const { seq, count, queues } of runs) {
        const refused = queues?.refused.map(([name]) => name) ?? [];
        for (let i = 0; i < count; i++) answers.set(seq + i, refused.length > 0 ? { refused } : 'confirmed');
      }
    }
    for (const frame of this.take('refused')) answers.set(frame.seq, frame);
    return messages.map((_, i) => {
      const answer = answers.get(first + i);
      if (!answer) throw new Error(`publish ${first + i} was not answered`);
      return answer;
    });
  }

  /** Frames that have no answer. */
  tell(...frames: unknown[][]): void {
    this.send(...frames);
  }

  /** Takes what has come of a type out; with a ref, the answer to that command. */
  take<T extends ServerFrame['type']>(type: T, ref?: number | null): FrameOf<T>[] {
    const isTaken = (frame: ServerFrame): frame is FrameOf<T> =>
      frame.type === type && (ref === undefined || ('ref' in frame && frame.ref === ref));
    this.receive();
    const taken = this.frames.filter(isTaken);
    this.frames = this.frames.filter((frame) => !isTaken(frame));
    return taken;
  }

  /** The client goes, and all it has. */
  bye(): void {
    this.send(['bye']);
    this.handler.closed();
    this.settle();
  }

  private send(...frames: unknown[][]): void {
    this.handler.message(frames.map((frame) => JSON.stringify(frame)).join('\n'));
    this.settle();
  }

  private receive(): void {
    if (this.socket.closed) throw new Error(`the hub closed the connection: ${this.socket.closed}`);
    for (const message of this.socket.messages) {
      const frames = typeof message === 'string' ? decodeServerMessage(message) : undefined;
      if (!frames) throw new Error('the hub wrote no frames');
      this.frames.push(...frames);
    }
    this.socket.messages = [];
  }
}

/** @param failed how often it failed before; `undefined` for never */
export const seenItem = (item: MessageItem, failed: number | undefined, isLimited: boolean): Seen => ({
  message: String(item.payload).split(' ', 1)[0]!,
  exchange: item.exchange,
  key: item.key,
  redelivered: failed !== undefined,
  ...(isLimited && { failed: failed ?? 0 }),
  headers: item.headers ?? {},
  deaths: (item.xDeath ?? []).map(({ queue, reason, count, exchange, keys, originalTtlMs }) => ({
    queue,
    reason,
    count,
    exchange,
    keys,
    ...(originalTtlMs === undefined ? {} : { originalTtlMs }),
  })),
});
