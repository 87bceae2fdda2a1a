/**
 * A client by hand: real frames of one codec over a socket that is no more than two arrays.
 */
import type { Item, ServerFrame, Subscribed, SubscribeOptions, Welcome } from '@ringhub/protocol';
import type { Message, Socket, SocketHandler } from '../../../server/src/ports/transport.ts';
import { JSON_WIRE, type RawFrame, type WireCodec } from './wire-codec.ts';

export type { RawFrame } from './wire-codec.ts';

type FrameOf<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** One queue as a resume names it; what is left out is as for a client that has received nothing. */
export interface ResumeEntry {
  readonly queue: number;
  readonly lastTag?: number;
  readonly ackedUpTo?: number;
  readonly ackedRanges?: readonly (readonly [number, number])[];
  readonly cursor?: string | null;
  readonly options?: Partial<SubscribeOptions>;
}

const BINDINGS = { bindings: [['amq.topic', '#']] } as const;

/** The hub's end of the socket. */
export class FakeSocket implements Socket {
  bufferedBytes = 0;
  readonly messages: Message[] = [];
  closed: { code: number; reason: string } | undefined;
  /** Runs inside `send`, to fail there. */
  onSend: () => void = () => {};

  constructor(
    readonly subprotocol: string,
    readonly address: string,
  ) {}

  send(message: Message): void {
    if (this.closed) return;
    this.onSend();
    // Bytes are the hub's again at once.
    this.messages.push(typeof message === 'string' ? message : message.slice());
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }

  terminate(): void {
    this.closed ??= { code: 1006, reason: '' };
  }
}

export class ScriptedClient {
  readonly socket: FakeSocket;
  readonly handler: SocketHandler;
  private taken = 0;
  private refs = 1000;

  constructor(
    accept: (socket: Socket) => SocketHandler,
    private readonly settle: () => void,
    private readonly codec: WireCodec = JSON_WIRE,
    address = 'test',
  ) {
    this.socket = new FakeSocket(codec.subprotocol, address);
    this.handler = accept(this.socket);
  }

  get closeCode(): number | undefined {
    return this.socket.closed?.code;
  }

  /** WebSocket messages written so far. */
  get writes(): number {
    return this.socket.messages.length;
  }

  /** Sends frames in one message and lets the loop come to rest. */
  send(...frames: RawFrame[]): this {
    return this.raw(this.codec.message(frames));
  }

  text(text: string): this {
    return this.raw(this.codec.text(text));
  }

  /** Sends a message, whatever it is. */
  raw(message: Message): this {
    this.handler.message(message);
    this.settle();
    return this;
  }

  /** As `send`, within the turn: nothing is flushed yet. */
  sendNow(...frames: RawFrame[]): this {
    this.handler.message(this.codec.message(frames));
    return this;
  }

  /** The connection breaks, and the hub notices. */
  cut(): void {
    this.socket.terminate();
    this.handler.closed();
    this.settle();
  }

  /** Frames that came since the last time. */
  take(): ServerFrame[] {
    const messages = this.socket.messages.slice(this.taken);
    this.taken = this.socket.messages.length;
    return messages.flatMap((message) => this.framesOf(message));
  }

  /** Those of a type among them; the others are dropped. */
  takeOf<T extends ServerFrame['type']>(type: T): FrameOf<T>[] {
    return this.take().filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  /** Everything that ever came, taken or not. */
  all<T extends ServerFrame['type']>(type: T): FrameOf<T>[] {
    const frames = this.socket.messages.flatMap((message) => this.framesOf(message));
    return frames.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  /** Opens a session; what comes behind the welcome is still to be taken. */
  hello(fields: Record<string, unknown> = {}): Welcome {
    this.send(['hello', { version: 1, token: 'alice', ...fields }]);
    const [welcome] = this.all('welcome');
    if (!welcome) throw new Error(`no welcome; closed with ${this.closeCode}`);
    return welcome;
  }

  resume(welcome: Welcome, queues: readonly ResumeEntry[] = [], exchanges: readonly string[] = []): Welcome {
    return this.hello({ resume: resumeOf(welcome, queues, exchanges) });
  }

  subscribe(options: Partial<SubscribeOptions> = {}): Subscribed {
    const ref = ++this.refs;
    this.send(['subscribe', ref, { ...BINDINGS, ...options }]);
    const result = this.all('ok').find((ok) => ok.ref === ref)?.result;
    if (!result || !('cursor' in result && 'queue' in result))
      throw new Error(`not subscribed: ${this.socket.messages.at(-1)}`);
    return result;
  }

  publish(seq: number, key: string, payload: unknown = 'x', properties: Record<string, unknown> = {}): this {
    return this.send(['publish', seq, 'amq.topic', key, payload, properties]);
  }

  private framesOf(message: Message): ServerFrame[] {
    const frames = this.codec.read(message);
    if (!frames) throw new Error(`the hub wrote no frame: ${message}`);
    return frames;
  }

  /** What was delivered since the last time: `1:key` for messages, `2:gap …` and `3:end …` for the rest. */
  deliveries(queue?: number): string[] {
    return this.takeOf('deliver')
      .filter((frame) => queue === undefined || frame.queue === queue)
      .flatMap(({ firstTag, items, notes }) => {
        const noteAt = new Map(notes);
        return items.map((item, i) => {
          const note = noteAt.get(i);
          return `${firstTag + i}:${itemText(item)}${note ? ` ${JSON.stringify(note)}` : ''}`;
        });
      });
  }
}

/** `hello.resume`. */
export const resumeOf = (
  { session, resumeToken }: Pick<Welcome, 'session' | 'resumeToken'>,
  queues: readonly ResumeEntry[] = [],
  exchanges: readonly string[] = [],
) => ({
  session,
  token: resumeToken,
  queues: queues.map(({ options, ...entry }) => ({
    lastTag: 0,
    ackedUpTo: 0,
    ackedRanges: [],
    cursor: null,
    ...entry,
    options: { ...BINDINGS, ...options },
  })),
  exchanges: exchanges.map((name) => [name, { type: 'topic' }]),
});

function itemText(item: Item): string {
  switch (item.kind) {
    case 'message':
      return item.key;
    case 'gap': {
      const { count, reason, ranges } = item.gap;
      return `gap ${reason} ${count} [${ranges.map((r) => `${r.epoch} ${r.from}-${r.to}`).join(', ')}]`;
    }
    case 'snapshot-end':
      return `end ${item.cursor} ${item.complete}`;
    default:
      return item satisfies never;
  }
}
