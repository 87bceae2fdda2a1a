/**
 * Publishes one message after the other, the next when the last is confirmed, over a bare TCP socket: so many of them
 * share the machine with the hub that what a WebSocket library costs, or a stream, would be measured instead. So they
 * read into one buffer, and write one frame again and again in which only the number is another.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WEBSOCKET_PATH } from '@ringhub/protocol';
import type { CodecName } from './codecs.ts';
import { type PublishFrames, publishFrames } from './publish-frames.ts';

/** Read and done with before anything else is read. */
const readBuffer = Buffer.alloc(64 * 1024);

export class SinglePublisher {
  confirmed = 0;
  refused = 0;
  private isPublishing = false;
  private whenStill: (() => void) | undefined;
  private said = '';
  private heard: (() => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly frames: PublishFrames,
  ) {}

  static async open(
    httpUrl: string,
    token: string,
    exchange: string,
    payload: string,
    codec: CodecName,
  ): Promise<SinglePublisher> {
    const frames = publishFrames(codec, exchange, payload);
    const { hostname, port, host } = new URL(httpUrl);
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number): boolean => {
        publisher.take(bytes);
        return true;
      },
    };
    const socket = connect({ port: Number(port), host: hostname, onread });
    const publisher = new SinglePublisher(socket, frames);
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
      `Sec-WebSocket-Protocol: ${frames.subprotocol}`,
    ];
    socket.write(`${headers.join('\r\n')}\r\n\r\n`);
    await Promise.race([publisher.hears('\r\n\r\n'), ended]);
    socket.write(frames.hello(token));
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
    // The last frame has gone: its answer is here.
    this.socket.write(this.frames.numbered(this.confirmed + this.refused + 1));
  }

  /** One answer is awaited at any time, and is small enough to come at once; pings need no answer for so long. */
  private take(length: number): void {
    if (this.heard) {
      this.said += readBuffer.toString('latin1', 0, length);
      this.heard();
      return;
    }
    const answer = this.frames.answerIn(readBuffer, length);
    if (answer === undefined) return;
    this[answer]++;
    if (this.isPublishing) this.publish();
    else this.whenStill?.();
  }
}
