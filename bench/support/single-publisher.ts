/**
 * Publishes one message after the other, the next when the last is confirmed, over a bare TCP socket: so many of them
 * share the machine with the hub that what a WebSocket library costs would be measured instead.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';

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

  private constructor(
    private readonly socket: Socket,
    private readonly exchange: string,
    private readonly payload: string,
  ) {
    socket.on('error', () => {});
    socket.on('data', (data) => this.take(data.toString('latin1')));
  }

  static async open(
    httpUrl: string,
    token: string,
    exchange: string,
    payload: string,
  ): Promise<SinglePublisher> {
    const { hostname, port, host } = new URL(httpUrl);
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
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
    socket.write(frame(JSON.stringify(['hello', { version: 1, token }])));
    let said = '';
    while (!said.includes('"welcome"')) {
      said += await new Promise<string>((resolve, reject) => {
        socket.once('data', (data) => resolve(data.toString('latin1')));
        socket.once('close', () => reject(new Error(`not welcome: ${said}`)));
      });
    }
    socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
    return new SinglePublisher(socket, exchange, payload);
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

  private publish(): void {
    const seq = this.confirmed + this.refused + 1;
    this.socket.write(frame(`["publish",${seq},"${this.exchange}","a.b","${this.payload}"]`));
  }

  /** One answer is awaited at any time, and is small enough to come at once; pings need no answer for so long. */
  private take(text: string): void {
    if (text.includes('"confirm"')) this.confirmed++;
    else if (text.includes('"refused"')) this.refused++;
    else return;
    if (this.isPublishing) this.publish();
    else this.whenStill?.();
  }
}
