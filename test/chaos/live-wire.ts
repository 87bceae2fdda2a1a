/** One connection to a hub that may die at any moment: JSON frames out and in, answers by their ref. */
import {
  type ClientFrame,
  decodeServerMessage,
  encodeClientFrame,
  type ServerFrame,
  SUBPROTOCOL_JSON,
} from '@ringhub/protocol';
import { WebSocket } from 'ws';

type Asked = Extract<ClientFrame, { readonly ref: number }>;
type Answer = Extract<ServerFrame, { readonly type: 'ok' }>['result'];
type WithoutRef<T> = T extends unknown ? Omit<T, 'ref'> : never;

/** The hub refused a command. */
export class Refused extends Error {}

export class LiveWire {
  readonly closed: Promise<void>;
  isOpen = true;
  private refs = 0;
  private readonly answers = new Map<number, (answer: Answer | Error) => void>();
  private handler: (frame: ServerFrame) => void = () => {};

  private constructor(private readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isOpen = false;
        for (const answer of this.answers.values()) answer(new Error('the connection is gone'));
        this.answers.clear();
        resolve();
      });
    });
    socket.on('error', () => {});
    socket.on('message', (data) => {
      for (const frame of decodeServerMessage(String(data)) ?? []) this.take(frame);
    });
  }

  /** Opens a new session. Rejects where nobody listens, or is killed meanwhile. */
  static async open(url: string, token: string): Promise<LiveWire> {
    const socket = new WebSocket(url, SUBPROTOCOL_JSON);
    const wire = new LiveWire(socket);
    const welcome = new Promise<void>((resolve) => {
      wire.handler = (frame) => {
        if (frame.type === 'welcome') resolve();
      };
    });
    socket.on('open', () => socket.send(encodeClientFrame({ type: 'hello', version: 1, token })));
    await Promise.race([welcome, wire.closed]);
    if (!wire.isOpen) throw new Error('not welcome');
    return wire;
  }

  /** Sets the one handler of everything but answers. */
  onFrame(handler: (frame: ServerFrame) => void): void {
    this.handler = handler;
  }

  /** Sends one WebSocket message. */
  send(text: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  async ask<R extends Answer>(frame: WithoutRef<Asked>): Promise<R> {
    const ref = ++this.refs;
    const answer = await new Promise<Answer | Error>((resolve) => {
      if (!this.isOpen) return resolve(new Error('the connection is gone'));
      this.answers.set(ref, resolve);
      this.send(encodeClientFrame({ ...frame, ref } as Asked));
    });
    if (answer instanceof Error) throw answer;
    return answer as R;
  }

  close(): void {
    this.socket.terminate();
  }

  private take(frame: ServerFrame): void {
    if (frame.type === 'ping') this.send('["pong"]');
    else if (frame.type === 'ok' || (frame.type === 'error' && frame.ref !== null)) {
      const answer = this.answers.get(frame.ref!);
      this.answers.delete(frame.ref!);
      answer?.(frame.type === 'ok' ? frame.result : new Refused(frame.text));
    } else this.handler(frame);
  }
}
