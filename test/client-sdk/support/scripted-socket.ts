/** A WebSocket whose hub is the test: what the client sent is read, what the hub says is written. */
import type { WebSocketLike } from '@ringhub/client';
import type { ResumedQueue, Welcome } from '@ringhub/protocol';

export type SentFrame = [type: string, ...fields: unknown[]];

export const LIMITS = { maxFrameBytes: 4096, maxPayloadBytes: 2048 };

export class ScriptedSocket implements WebSocketLike {
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;

  binaryType = 'blob';
  /** WebSocket messages, as sent. */
  readonly messages: string[] = [];
  /** How the client closed it. */
  closedWith: { code: number | undefined } | undefined;
  #read = 0;

  get readyState(): number {
    return this.closedWith ? 3 : 1;
  }

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(message: string | Uint8Array): void {
    if (this.closedWith) throw new Error('sent on a closed socket');
    this.messages.push(String(message));
  }

  close(code?: number): void {
    this.closedWith ??= { code };
  }

  /** All frames the client has sent. */
  get sent(): SentFrame[] {
    return this.messages.flatMap((message) => message.split('\n').map((line) => JSON.parse(line)));
  }

  /** Frames sent since the last call, pings aside. */
  read(): SentFrame[] {
    const all = this.sent;
    const fresh = all.slice(this.#read).filter(([type]) => type !== 'ping');
    this.#read = all.length;
    return fresh;
  }

  /** What the hello of this socket asks to resume. */
  get resume(): { session: string; token: string; queues: Record<string, unknown>[]; exchanges: unknown } {
    const [type, fields] = this.sent[0] ?? [];
    if (type !== 'hello') throw new Error('no hello was sent');
    return (fields as { resume: never }).resume;
  }

  opens(): void {
    this.onopen?.({} as never);
  }

  /** The hub's frames, in one message. */
  says(...frames: unknown[]): void {
    this.onmessage?.({ data: frames.map((frame) => JSON.stringify(frame)).join('\n') } as never);
  }

  saysRaw(data: string): void {
    this.onmessage?.({ data } as never);
  }

  hubCloses(code: number, reason = ''): void {
    this.onclose?.({ code, reason } as never);
  }

  /** Opens if need be and answers the hello. */
  welcome(fields: Partial<Welcome> & { queues?: ResumedQueue[] } = {}, ...more: unknown[]): void {
    if (this.messages.length === 0) this.opens();
    this.says(
      [
        'welcome',
        {
          session: 's1',
          resumeToken: 't1',
          resumed: false,
          publishSeq: 0,
          epochs: { v: 'e1' },
          heartbeatMs: 20_000,
          deadMs: 45_000,
          resumeWindowMs: 120_000,
          publishWindow: { messages: 4, bytes: 1000 },
          limits: LIMITS,
          queues: [],
          hub: 'test',
          ...fields,
        },
      ],
      ...more,
    );
    this.read();
  }
}
