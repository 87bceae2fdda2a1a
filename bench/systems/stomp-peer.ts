/** A client of STOMP 1.2, of as many bytes as load needs. */
import type { Tally } from '../load/tally.ts';
import type { LoadSocket } from '../load/web-socket.ts';
import type { Peer } from './system.ts';

const EXCHANGE = '/exchange/amq.topic/';
const CONNECT = 'CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0';
const HEADERS_END = Buffer.from('\n\n');
const ACK_HEADER = Buffer.from('\nack:');
const NEWLINE = 0x0a;
const FIRST = { message: 0x4d, connected: 0x43, receipt: 0x52 } as const;

export class StompPeer implements Peer {
  readonly room = Number.POSITIVE_INFINITY;
  private answers = 0;
  private onAnswered = (): void => {};

  constructor(
    private readonly socket: LoadSocket,
    private readonly tally: Tally,
    private readonly acks: boolean,
  ) {
    socket.onFrame = (bytes, start, end) => this.read(bytes, start, end);
  }

  get reads(): number {
    return this.socket.reads;
  }

  connect(): Promise<void> {
    return this.asked([CONNECT]);
  }

  subscribe(patterns: readonly string[]): Promise<void> {
    const mode = this.acks ? 'client-individual' : 'auto';
    return this.asked(
      patterns.map(
        (pattern, id) =>
          `SUBSCRIBE\nid:${id}\ndestination:${EXCHANGE}${pattern}\nack:${mode}\nreceipt:${id}\n\n\0`,
      ),
    );
  }

  publish(key: string, message: string): void {
    this.socket.sendText(Buffer.from(`SEND\ndestination:${EXCHANGE}${key}\n\n${message}\0`, 'latin1'));
  }

  close(): void {
    this.socket.destroy();
  }

  private asked(frames: readonly string[]): Promise<void> {
    this.answers = frames.length;
    for (const frame of frames) this.socket.sendText(Buffer.from(frame));
    return new Promise((resolve) => {
      this.onAnswered = resolve;
    });
  }

  /** The server puts each STOMP frame into one of its own; between them newlines may stand. */
  private read(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case FIRST.message: {
        // Headers have marks, too.
        const body = bytes.indexOf(HEADERS_END, start) + HEADERS_END.length;
        this.tally.took(1, bytes, body, end);
        if (this.acks) this.socket.sendText(ackOf(bytes, start, body));
        return;
      }
      case FIRST.connected:
      case FIRST.receipt:
        if (--this.answers === 0) this.onAnswered();
        return;
      case NEWLINE:
        return;
      default:
        throw new Error(`STOMP: ${bytes.toString('utf8', start, end)}`);
    }
  }
}

function ackOf(bytes: Buffer, start: number, body: number): Buffer {
  const from = bytes.indexOf(ACK_HEADER, start) + ACK_HEADER.length;
  const to = bytes.indexOf(NEWLINE, from);
  if (from >= body || to < 0) throw new Error('STOMP: a message without an ack header');
  return Buffer.from(`ACK\nid:${bytes.toString('latin1', from, to)}\n\n\0`, 'latin1');
}
