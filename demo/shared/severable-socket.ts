/**
 * A WebSocket whose cable can be pulled: demos and tests cut a connection with it, without any help from the SDK.
 *
 * `close()` of a real socket says goodbye and waits for the answer. A cut must look like a dead network instead:
 * nothing more comes in or goes out, the owner sees close code 1006 at once, and while the line is held down every
 * new socket fails the same way.
 */
export class SocketLine {
  readonly #sockets = new Set<SeverableSocket>();
  #isDown = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Give this to the SDK's `WebSocket` option. */
  readonly WebSocket: new (
    url: string,
    protocols: string[],
  ) => SeverableSocket;

  constructor() {
    const line = this;
    this.WebSocket = class extends SeverableSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, line.#isDown, () => line.#sockets.delete(this));
        line.#sockets.add(this);
      }
    };
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Cuts every socket and holds the line down for so long, or until `restore`. */
  cut(forMs: number | undefined): void {
    clearTimeout(this.#timer);
    this.#isDown = true;
    for (const socket of [...this.#sockets]) socket.sever();
    if (forMs !== undefined) this.#timer = setTimeout(() => this.restore(), forMs);
  }

  restore(): void {
    clearTimeout(this.#timer);
    this.#isDown = false;
  }
}

/** How long a socket on a dead line takes to fail: its owner must get to set its handlers first. */
const FAIL_MS = 50;

/** The part of the WebSocket interface that the SDK uses, forwarded until the cut. */
class SeverableSocket {
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readonly #native: WebSocket | undefined;
  readonly #ended: () => void;
  #isEnded = false;
  /** Whatever the SDK wants: it is set on the native socket from the start. */
  binaryType = 'arraybuffer';

  constructor(url: string, protocols: string[], isDown: boolean, ended: () => void) {
    this.#ended = ended;
    if (isDown) {
      setTimeout(() => this.sever(), FAIL_MS);
      return;
    }
    const native = new WebSocket(url, protocols);
    native.binaryType = 'arraybuffer';
    native.onopen = (event) => this.onopen?.(event as never);
    native.onmessage = (event) => this.onmessage?.(event as never);
    native.onerror = (event) => this.onerror?.(event as never);
    native.onclose = (event) => this.#end(event);
    this.#native = native;
  }

  sever(): void {
    if (this.#isEnded) return;
    const native = this.#native;
    if (native) {
      native.onopen = native.onmessage = native.onerror = native.onclose = null;
      native.close();
    }
    this.#end(new CloseEvent('close', { code: 1006, wasClean: false }));
  }

  get protocol(): string {
    return this.#native?.protocol ?? '';
  }

  get readyState(): number {
    return this.#isEnded ? WebSocket.CLOSED : (this.#native?.readyState ?? WebSocket.CONNECTING);
  }

  get bufferedAmount(): number {
    return this.#native?.bufferedAmount ?? 0;
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    if (!this.#isEnded) this.#native?.send(message);
  }

  close(code?: number, reason?: string): void {
    if (!this.#isEnded) this.#native?.close(code, reason);
  }

  #end(event: CloseEvent): void {
    this.#isEnded = true;
    this.#ended();
    this.onclose?.(event as never);
  }
}
