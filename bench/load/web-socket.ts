/**
 * A WebSocket client for load, over a plain TCP socket: it must never be what limits a run.
 *
 * All connections read into one buffer, frames are handed on where they lie in it, and what is sent in a turn leaves in one
 * write. The mask is zero, which RFC 6455 allows and which spares the client's CPU, not the server's. It checks nothing
 * that a correct server gets right, and does not put fragments together: a reader sees each frame's payload.
 */
import { connect, type Socket } from 'node:net';

const READ_BYTES = 256 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const MASKED = 0x80;
const NO_BYTES = Buffer.alloc(0);

const shared = Buffer.allocUnsafe(READ_BYTES);

/** Payloads of data frames, where they lie in a buffer that is used again. */
export type ReadFrame = (bytes: Buffer, start: number, end: number) => void;

export interface Endpoint {
  readonly port: number;
  readonly path: string;
  readonly subprotocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The connections of one run, which end together: an end before that is an error. */
export class LoadSockets {
  private readonly all = new Set<LoadSocket>();

  async open(endpoint: Endpoint): Promise<LoadSocket> {
    const socket = await LoadSocket.open(endpoint);
    socket.onClosed = (why) => {
      throw new Error(`a connection ended: ${why}`);
    };
    this.all.add(socket);
    return socket;
  }

  closeAll(): void {
    for (const socket of this.all) socket.destroy();
    this.all.clear();
  }
}

export class LoadSocket {
  onFrame: ReadFrame = () => {};
  onClosed: (why: string) => void = () => {};
  /** Chunks of TCP with at least one frame's end: how well the server batches. */
  reads = 0;
  private readonly socket: Socket;
  private pending: Buffer[] = [];
  private isCorked = false;
  /** The beginning of a frame, or of the handshake's answer; `wanted` bytes make it whole, 0 where that is unknown. */
  private partial = NO_BYTES;
  private filled = 0;
  private isOpen = false;
  private opened: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(private readonly endpoint: Endpoint) {
    this.socket = connect({
      host: '127.0.0.1',
      port: endpoint.port,
      noDelay: true,
      onread: { buffer: shared, callback: (length, bytes) => this.read(bytes as Buffer, length) },
    });
    this.socket.on('connect', () => this.socket.write(this.handshake()));
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('closed'));
  }

  static async open(endpoint: Endpoint): Promise<LoadSocket> {
    const socket = new LoadSocket(endpoint);
    await new Promise<void>((resolve, reject) => {
      socket.opened = { resolve, reject };
    });
    return socket;
  }

  sendText(payload: Buffer): void {
    this.send(OPCODE.text, payload);
  }

  sendBinary(payload: Buffer): void {
    this.send(OPCODE.binary, payload);
  }

  /** Stops reading, so that the server's buffers fill. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** The connection is gone, as in a network failure. */
  destroy(): void {
    this.onClosed = () => {};
    this.socket.destroy();
  }

  private handshake(): string {
    const { path, subprotocol, headers = {} } = this.endpoint;
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${this.endpoint.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: cmluZ2h1Yi1iZW5jaC0xNg==',
      'Sec-WebSocket-Version: 13',
      ...(subprotocol ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    return `${lines.join('\r\n')}\r\n\r\n`;
  }

  private send(opcode: number, payload: Buffer): void {
    this.pending.push(headOf(opcode, payload.length), payload);
    if (this.isCorked) return;
    this.isCorked = true;
    process.nextTick(() => {
      this.isCorked = false;
      if (this.socket.destroyed) return;
      this.socket.write(this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending));
      this.pending = [];
    });
  }

  private end(why: string): void {
    this.opened?.reject(new Error(why));
    this.opened = undefined;
    const { onClosed } = this;
    this.onClosed = () => {};
    onClosed(why);
  }

  private read(bytes: Buffer, length: number): boolean {
    this.reads++;
    let at = 0;
    if (!this.isOpen) {
      at = this.readAnswer(bytes, length);
      if (!this.isOpen) return true;
    }
    if (this.filled > 0) at = this.goOn(bytes, at, length);
    while (at < length) {
      const end = frameEnd(bytes, at, length);
      if (end === 0 || end > length) {
        this.keep(bytes, at, length, end - at);
        return true;
      }
      this.frame(bytes, at, end);
      at = end;
    }
    return true;
  }

  private readAnswer(bytes: Buffer, length: number): number {
    const answer = Buffer.concat([this.partial, bytes.subarray(0, length)]);
    const end = answer.indexOf(HEAD_END);
    if (end < 0) {
      this.partial = answer;
      return length;
    }
    const at = length - (answer.length - end - HEAD_END.length);
    this.partial = NO_BYTES;
    if (!/^HTTP\/1.1 101 /.test(answer.toString('latin1', 0, end))) {
      this.socket.destroy(new Error(`no handshake: ${answer.toString('latin1', 0, Math.min(end, 200))}`));
      return length;
    }
    this.isOpen = true;
    this.opened?.resolve();
    this.opened = undefined;
    return at;
  }

  /** Puts aside the beginning of a frame of `size` bytes; of unknown size where its head is cut. */
  private keep(bytes: Buffer, from: number, to: number, size: number): void {
    this.partial = Buffer.allocUnsafe(size > 0 ? size : 16);
    this.filled = bytes.copy(this.partial, 0, from, to);
  }

  /** Goes on with the frame that was put aside; returns where in `bytes` the next one begins. */
  private goOn(bytes: Buffer, from: number, length: number): number {
    let at = from;
    while (at < length) {
      const end = frameEnd(this.partial, 0, this.filled);
      if (end === 0) {
        this.partial[this.filled++] = bytes[at++]!;
        continue;
      }
      if (this.partial.length < end) {
        const grown = Buffer.allocUnsafe(end);
        this.partial.copy(grown, 0, 0, this.filled);
        this.partial = grown;
      }
      // Behind `length` lies what was read before.
      const copied = bytes.copy(this.partial, this.filled, at, Math.min(length, at + end - this.filled));
      this.filled += copied;
      at += copied;
      if (this.filled < end) return at;
      this.finish(end);
      return at;
    }
    // A frame without a payload ends with its head.
    const end = frameEnd(this.partial, 0, this.filled);
    if (end > 0 && this.filled === end) this.finish(end);
    return at;
  }

  private finish(end: number): void {
    const whole = this.partial;
    this.partial = NO_BYTES;
    this.filled = 0;
    this.frame(whole, 0, end);
  }

  private frame(bytes: Buffer, start: number, end: number): void {
    const opcode = bytes[start]! & 0x0f;
    const payload = start + headBytes(bytes[start + 1]!);
    if (opcode <= OPCODE.binary) this.onFrame(bytes, payload, end);
    else if (opcode === OPCODE.ping) this.send(OPCODE.pong, Buffer.from(bytes.subarray(payload, end)));
    else if (opcode === OPCODE.close) {
      const code = end - payload >= 2 ? bytes.readUInt16BE(payload) : 0;
      this.end(`close ${code} ${bytes.toString('utf8', payload + 2, end)}`);
    }
  }
}

/** Bytes of a server's frame head, by its second byte. */
const headBytes = (second: number): number => (second < 126 ? 2 : second === 126 ? 4 : 10);

/** Where the frame at `at` ends; 0 where its head is not whole. */
function frameEnd(bytes: Buffer, at: number, length: number): number {
  if (length - at < 2) return 0;
  const second = bytes[at + 1]!;
  if (second < 126) return at + 2 + second;
  if (second === 126) return length - at < 4 ? 0 : at + 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  return length - at < 10 ? 0 : at + 10 + bytes.readUInt32BE(at + 6);
}

function headOf(opcode: number, length: number): Buffer {
  const size = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  // The mask, at its end, stays zero.
  const head = Buffer.alloc(size);
  head[0] = 0x80 | opcode;
  if (size === 6) head[1] = MASKED | length;
  else if (size === 8) {
    head[1] = MASKED | 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = MASKED | 127;
    head.writeUInt32BE(length, 6);
  }
  return head;
}
