/** A client on a real socket that says anything in either codec, and waits for what it is told. */
import { type ServerFrame, WEBSOCKET_PATH } from '@ringhub/protocol';
import { WebSocket } from 'ws';
import type { Message } from '../../server/src/ports/transport.ts';
import { JSON_WIRE, type RawFrame, type WireCodec } from '../server/support/wire-codec.ts';

export class SocketClient {
  frames: ServerFrame[] = [];
  closeCode: number | undefined;
  private wake = (): void => {};

  private constructor(
    readonly ws: WebSocket,
    private readonly codec: WireCodec,
  ) {
    ws.on('message', (data: Buffer, isBinary) => {
      const frames = codec.read(isBinary ? data : data.toString());
      if (!frames) throw new Error('the hub wrote what is no frame');
      this.frames.push(...frames);
      this.wake();
    });
    ws.on('close', (code) => {
      this.closeCode = code;
      this.wake();
    });
    ws.on('error', () => {});
  }

  /** Connected, and welcomed if it has a token. */
  static async open(port: number, token?: string, codec: WireCodec = JSON_WIRE): Promise<SocketClient> {
    const ws = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, codec.subprotocol);
    const client = new SocketClient(ws, codec);
    await new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    if (token !== undefined) {
      client.say(['hello', { version: 1, token }]);
      await client.told('welcome');
    }
    return client;
  }

  say(...frames: RawFrame[]): void {
    this.send(this.codec.message(frames));
  }

  send(message: Message): void {
    this.ws.send(message);
  }

  /** Resolves once that holds of what came, or the connection is closed. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && this.closeCode === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  all<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame) => frame.type === type) as Extract<ServerFrame, { type: T }>[];
  }

  /** Once so many frames of a type have come, those; fewer where the connection was closed before. */
  async told<T extends ServerFrame['type']>(
    type: T,
    count = 1,
  ): Promise<Extract<ServerFrame, { type: T }>[]> {
    await this.until(() => this.all(type).length >= count);
    return this.all(type);
  }

  /** Whether the connection is still there once all that was said has been read. */
  async isOpen(): Promise<boolean> {
    this.frames = [];
    this.say(['ping']);
    return (await this.told('pong')).length > 0;
  }

  leave(): void {
    this.ws.terminate();
  }
}
