/**
 * Publishes one message after the other, the next when the last is confirmed, over a bare TCP socket: so many of them
 * share the machine with the hub that what a WebSocket library costs, or a stream, would be measured instead. So they
 * read into one buffer, and write one frame again and again in which only the number is another.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';

/** Read and done with before anything else is read. */
const readBuffer = Buffer.alloc(64 * 1024);

/** Room for a number in a frame: JSON lets spaces stand before it. */
const NUMBER_DIGITS = 10;
const NUMBER_AT = '["publish",'.length;

/** Masked, as clients must, with a mask of zeros: the bytes stay as they are. */
function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  if (length < 126) {
    const head = Buffer.from([0x81, 0x80 | length, 0, 0, 0, 0]);
    return Buffer.concat([head, Buffer.from(text)]);
  }
  return Buffer.concat([
    Buffer.from([0x81, 0x80 | 126, length >> 8, length & 255, 0, 0, 0, 0]),
    Buffer.from(text),
  ]);
}

export class SinglePublisher {
  confirmed = 0;
  refused = 0;
  private isPublishing = false;
  private whenStill: (() => void) | undefined;
  private said = '';
  private heard: (() => void) | undefined;
  private readonly publishFrame: Buffer;
  /** Where the last digit of the number stands in it. */
  private readonly lastDigitAt: number;

  private constructor(
    private readonly socket: Socket,
    exchange: string,
    payload: string,
  ) {
    const text = `["publish",${' '.repeat(NUMBER_DIGITS)},"${exchange}","a.b","${payload}"]`;
    this.publishFrame = frame(text);
    this.lastDigitAt = this.publishFrame.length - text.length + NUMBER_AT + NUMBER_DIGITS - 1;
  }

  static async open(
    httpUrl: string,
    token: string,
    exchange: string,
    payload: string,
  ): Promise<SinglePublisher> {
    const { hostname, port, host } = new URL(httpUrl);
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number): boolean => {
        publisher.take(readBuffer.toString('latin1', 0, bytes));
        return true;
      },
    };
    const socket = connect({ port: Number(port), host: hostname, onread });
    const publisher = new SinglePublisher(socket, exchange, payload);
    socket.setNoDelay(true);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const ended = new Promise<never>((_, reject) => {
      socket.once('close', () => reject(new Error(`not welcome: ${publisher.said}`)));
    });
    ended.catch(() => {});
    const headers = [
      `GET ${WEBSOCKET_PATH} HTTP/1.1`,
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Protocol: ${SUBPROTOCOL_JSON}`,
    ];
    socket.write(`${headers.join('\r\n')}\r\n\r\n`);
    await Promise.race([publisher.hears('\r\n\r\n'), ended]);
    socket.write(frame(JSON.stringify(['hello', { version: 1, token }])));
    await Promise.race([publisher.hears('"welcome"'), ended]);
    publisher.heard = undefined;
    socket.removeAllListeners('error').on('error', () => {});
    return publisher;
  }

  /** Publishes until told to stop. */
  start(): void {
    this.isPublishing = true;
    this.publish();
  }

  /** Resolves when the last publish is answered. */
  stop(): Promise<void> {
    this.isPublishing = false;
    return new Promise((resolve) => {
      this.whenStill = resolve;
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private hears(word: string): Promise<void> {
    return new Promise((resolve) => {
      this.heard = () => {
        if (this.said.includes(word)) resolve();
      };
      this.heard();
    });
  }

  private publish(): void {
    const bytes = this.publishFrame;
    let at = this.lastDigitAt;
    for (let rest = this.confirmed + this.refused + 1; rest > 0; rest = Math.floor(rest / 10))
      bytes[at--] = 48 + (rest % 10);
    // The last frame has gone: its answer is here.
    this.socket.write(bytes);
  }

  /** One answer is awaited at any time, and is small enough to come at once; pings need no answer for so long. */
  private take(text: string): void {
    if (this.heard) {
      this.said += text;
      this.heard();
      return;
    }
    if (text.includes('"confirm"')) this.confirmed++;
    else if (text.includes('"refused"')) this.refused++;
    else return;
    if (this.isPublishing) this.publish();
    else this.whenStill?.();
  }
}
