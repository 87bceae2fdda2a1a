/**
 * The body of one request on uWebSockets.js, as a stream that is read from the peer no faster than its reader reads.
 */
import type { HttpResponse } from 'uWebSockets.js';

/** What is read ahead; uWS may add one read of the socket (512 KiB). */
const READ_AHEAD_BYTES = 64 * 1024;

export class IncomingBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether all of it has come. */
  isComplete = false;
  readonly #response: HttpResponse;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #state: 'wanted' | 'unwanted' | 'over' = 'wanted';
  #isPaused = false;
  #deadline: NodeJS.Timeout | undefined;

  /** Drops the connection if the body is not complete after `timeoutMs`. */
  constructor(response: HttpResponse, timeoutMs: number) {
    this.#response = response;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#resume(),
        cancel: () => this.#discard(),
      },
      { highWaterMark: READ_AHEAD_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    response.onData((chunk, isLast) => this.#take(chunk, isLast));
    this.#deadline = setTimeout(() => this.#expire(), timeoutMs);
    this.#deadline.unref();
  }

  /** The request is being answered: what still comes is thrown away, and the response is no longer touched. */
  release(): void {
    this.#discard();
    this.#end();
  }

  abort(reason: Error): void {
    const wasWanted = this.#state === 'wanted';
    this.#end();
    if (wasWanted && !this.isComplete) this.#controller.error(reason);
  }

  #take(chunk: ArrayBuffer, isLast: boolean): void {
    if (isLast) {
      this.isComplete = true;
      clearTimeout(this.#deadline);
    }
    if (this.#state !== 'wanted') return;
    // uWS takes its buffer back when this returns.
    if (chunk.byteLength > 0) this.#controller.enqueue(new Uint8Array(chunk.slice(0)));
    if (isLast) this.#controller.close();
    else if ((this.#controller.desiredSize ?? 0) <= 0 && !this.#isPaused) {
      this.#isPaused = true;
      this.#response.pause();
    }
  }

  #resume(): void {
    if (!this.#isPaused || this.#state === 'over') return;
    this.#isPaused = false;
    this.#response.resume();
  }

  #discard(): void {
    this.#resume();
    if (this.#state === 'wanted') this.#state = 'unwanted';
  }

  #end(): void {
    this.#state = 'over';
    clearTimeout(this.#deadline);
  }

  #expire(): void {
    if (this.#state !== 'over') this.#response.close();
  }
}
