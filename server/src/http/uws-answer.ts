/**
 * One response on uWebSockets.js: written as fast as the peer takes it.
 *
 * A body whose length is known goes out by `tryEnd`, which takes no more than the socket does; any other is
 * chunked, in pieces small enough that what uWS buffers stays small. Once a response has ended, or its peer is
 * gone, uWS owns it again and it is not touched.
 */

import type { HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';

type Reader = ReadableStreamDefaultReader<Uint8Array>;

const PIECE_BYTES = 16 * 1024;
/** uWS writes these itself. */
const FRAMING = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

export class OutgoingAnswer {
  readonly #response: HttpResponse;
  /** Whether the connection has to end with this answer. */
  readonly #isLast: () => boolean;
  #isOver = false;
  #reader: Reader | undefined;
  /** Goes on where the socket was full. */
  #onWritable: ((offset: number) => boolean) | undefined;
  #onGone: (() => void) | undefined;

  constructor(response: HttpResponse, isLast: () => boolean) {
    this.#response = response;
    this.#isLast = isLast;
    response.onWritable((offset) => this.#onWritable?.(offset) ?? true);
  }

  /** The peer is gone. */
  abort(): void {
    this.#isOver = true;
    this.#reader?.cancel().catch(() => {});
    this.#onGone?.();
  }

  /** Resolves once all is written or the peer is gone; a body that fails on the way breaks the connection. */
  async write(answer: Response, isHead: boolean): Promise<void> {
    const reader = answer.body?.getReader();
    this.#reader = reader;
    if (this.#isOver || isHead) reader?.cancel().catch(() => {});
    try {
      if (this.#isOver) return;
      if (isHead || !reader) this.#endWithoutBody(answer, isHead);
      else await this.#writeBody(answer, reader);
    } catch {
      reader?.cancel().catch(() => {});
      if (!this.#isOver) this.#over((response) => response.close());
    }
  }

  #endWithoutBody(answer: Response, isHead: boolean): void {
    const length = declaredLength(answer);
    const hasNone = answer.status === 204 || answer.status === 304;
    this.#over((response) => {
      this.#head(answer);
      if (isHead && length !== undefined) response.endWithoutBody(length, this.#isLast());
      // It cannot end the connection without telling a length, too.
      else if (isHead || hasNone) response.endWithoutBody();
      else response.end('', this.#isLast());
    });
  }

  async #writeBody(answer: Response, reader: Reader): Promise<void> {
    const first = await reader.read();
    const second = first.done ? undefined : reader.read();
    second?.catch(() => {});
    if (this.#isOver) return;
    const chunk = first.value ?? new Uint8Array();
    // A body of one piece, as most are, shows its end within the turn.
    const isWhole = !second || (await Promise.race([second.then(({ done }) => done), nextTurn()]));
    if (this.#isOver) return;
    // `tryEnd` cannot end the connection, too.
    const length = isWhole ? chunk.length : this.#isLast() ? undefined : declaredLength(answer);
    if (isWhole && (length === 0 || this.#isLast())) {
      this.#over((response) => {
        this.#head(answer);
        response.end(chunk, this.#isLast());
      });
      return;
    }
    this.#response.cork(() => this.#head(answer));
    const put = length === undefined ? this.#putPieces : (part: Uint8Array) => this.#putSized(part, length);
    await put(chunk);
    for (let next = second; next && !this.#isOver; next = reader.read()) {
      const { done, value } = await next;
      if (done || this.#isOver) break;
      await put(value);
    }
    if (this.#isOver) return;
    if (length !== undefined) throw new Error('a body is shorter than its Content-Length');
    // Asked to close the connection here, it would write that header into the body that has begun.
    this.#over((response) => response.end());
  }

  /** Status and headers; within a cork. */
  #head({ status, statusText, headers }: Response): void {
    this.#response.writeStatus(`${status} ${statusText || STATUS_CODES[status] || 'Unknown'}`);
    for (const [name, value] of headers) {
      if (!FRAMING.has(name)) this.#response.writeHeader(name, value);
    }
  }

  readonly #putPieces = async (chunk: Uint8Array): Promise<void> => {
    for (let at = 0; at < chunk.length && !this.#isOver; at += PIECE_BYTES) {
      let isTaken = true;
      this.#response.cork(() => {
        isTaken = this.#response.write(chunk.subarray(at, at + PIECE_BYTES));
      });
      if (isTaken) continue;
      await this.#writable(() => {
        // With this handler, uWS leaves what it has buffered alone until something is written, be it nothing.
        if (!this.#isOver) this.#response.cork(() => {});
        return true;
      });
    }
  };

  async #putSized(chunk: Uint8Array, total: number): Promise<void> {
    const start = this.#response.getWriteOffset();
    const attempt = (at: number): boolean => {
      let isTaken = true;
      this.#response.cork(() => {
        const [isOk, isDone] = this.#response.tryEnd(chunk.subarray(at - start), total);
        isTaken = isOk;
        if (isDone) this.#isOver = true;
      });
      return isTaken || this.#isOver;
    };
    if (!attempt(start)) await this.#writable(attempt);
  }

  /** Resolves when `go` says that it could go on, or the peer is gone. */
  #writable(go: (offset: number) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onGone = resolve;
      this.#onWritable = (offset) => {
        const isTaken = go(offset);
        if (isTaken) {
          this.#onWritable = undefined;
          resolve();
        }
        return isTaken;
      };
    });
  }

  #over(last: (response: HttpResponse) => void): void {
    this.#isOver = true;
    this.#response.cork(() => last(this.#response));
  }
}

function declaredLength({ headers }: Response): number | undefined {
  const text = headers.get('content-length');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

const nextTurn = (): Promise<false> => new Promise((resolve) => setImmediate(resolve, false));
