/**
 * Publishing: data to frames, frames to the outbox, confirms to receipts. What happens to unconfirmed publishes
 * after a reconnect is the outbox's; this file keeps the promises.
 */
import type {
  Headers,
  Position,
  PublishProperties,
  QueueReceipt,
  ServerFrame,
  Welcome,
} from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import type { ClientCodec, Wire } from './codec.ts';
import { byteLength, toPayload } from './content.ts';
import { errorNamed, RinghubError } from './errors.ts';
import { Outbox, type OutboxBounds, type Outgoing } from './outbox.ts';

export interface PublishOptions {
  /**
   * Remembered by the hub per subject and exchange for a while: the same id is published once. Lets the SDK send
   * again what was under way when a session was lost. At most 128 printable bytes.
   */
  readonly id?: string | undefined;
  /** Refuse with `unroutable` rather than publish to nobody. */
  readonly mandatory?: boolean | undefined;
  /** At most 32 strings, numbers, booleans or nulls. */
  readonly headers?: Headers | undefined;
  /** The message expires where it waits longer than this. */
  readonly ttlMs?: number | undefined;
  /** Instead of the one that follows from the data. A string is sent as it is, also as `application/json`. */
  readonly contentType?: string | undefined;
  /** Takes an unsent publish back; for one already sent it only ends the waiting (`outcome-unknown`). */
  readonly signal?: AbortSignal | undefined;
}

/** What the hub says of a confirmed publish (PROTOCOL §11). */
export interface Receipt {
  readonly position: Position;
  /** Sessions that had a queue for it when it was routed. */
  readonly sessions: number;
  /** The same id or number was published before; this is its position. */
  readonly duplicate: boolean;
  /** Named queues that took it, and those that refused it with the error's name; where any was reached. */
  readonly queues: QueueReceipt | undefined;
}

interface Waiting extends Outgoing {
  /** The encoded frame, without a number that counts. */
  frame: Wire;
  /** Ends the waiting, with a receipt or an error. */
  readonly settle: (receipt: Receipt | undefined, error?: unknown) => void;
}

/** The link, as far as publishing needs it. */
interface Sink {
  readonly isOpen: boolean;
  readonly codec: ClientCodec;
  send(frame: Wire): void;
}

export class Publisher {
  readonly #outbox: Outbox<Waiting>;
  readonly #link: Sink;
  #welcome: Welcome | undefined;
  #end: unknown;

  constructor(bounds: OutboxBounds, link: Sink) {
    this.#outbox = new Outbox(bounds);
    this.#link = link;
  }

  publish(exchange: string, key: string, data: unknown, options: PublishOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      if (this.#end) throw this.#end;
      const { signal, ...given } = options;
      const { payload, ...type } = toPayload(data);
      const properties = { ...type, ...given } as PublishProperties;
      const encode = (given: PublishProperties): Wire =>
        this.#link.codec.encode(['publish', 0, exchange, key, payload, given]);
      const frame = encode(properties);
      const waiting: Waiting = {
        frame,
        seq: 0,
        resend: (resent) => {
          waiting.frame = encode({ ...properties, resent });
        },
        // Its number, and the session and number it had before: 64 characters, and 16 digits each.
        frameBytes: byteLength(frame) + 150,
        payloadBytes: byteLength(payload),
        hasId: given.id != null,
        settle: (receipt, error) => {
          letGo();
          if (receipt) resolve(receipt);
          // Resolved, it stays so.
          reject(error);
        },
      };
      const { limits } = this.#welcome!;
      // Sent, it would cost the connection, or a number for nothing.
      if (waiting.frameBytes > limits.maxFrameBytes || waiting.payloadBytes > limits.maxPayloadBytes) {
        throw errorNamed('payload-too-large');
      }
      const letGo = onAbort(signal, () => {
        const { reason } = signal!;
        reject(this.#outbox.abandon(waiting) ? reason : errorNamed('outcome-unknown', reason));
      });
      if (this.#outbox.push(waiting)) this.#send();
      else waiting.settle(undefined, errorNamed('outbox-full'));
    });
  }

  /** Sends what the window allows. */
  #send(): void {
    const welcome = this.#welcome;
    if (!welcome || !this.#link.isOpen) return;
    const next = () => this.#outbox.take(welcome.publishWindow);
    for (let one = next(); one; one = next()) this.#link.send(this.#link.codec.number(one.frame, one.seq));
  }

  welcomed(welcome: Welcome): void {
    const before = this.#welcome;
    this.#welcome = welcome;
    if (welcome.resumed) this.#outbox.resume();
    else if (before)
      this.#outbox.restart(welcome.publishSeq, isSame(before.epochs, welcome.epochs), before.session);
    this.#send();
  }

  confirmed({ runs }: Extract<ServerFrame, { type: 'confirm' }>): void {
    const { epochs } = this.#welcome!;
    for (const { seq, count, log, offset, sessions, duplicate = false, queues } of runs) {
      for (let i = 0; i < count; i++) {
        const position = { log, epoch: epochs[log]!, offset: offset + i };
        this.#outbox.settle(seq + i)?.settle({ position, sessions, duplicate, queues });
      }
    }
    this.#send();
  }

  refused({ seq, code, text, detail }: Extract<ServerFrame, { type: 'refused' }>): void {
    const error = new RinghubError(code, text, detail);
    const isUnknown = error.name === 'fate-unknown';
    this.#outbox.settle(seq)?.settle(undefined, isUnknown ? errorNamed('outcome-unknown', error) : error);
    this.#send();
  }

  close(error: unknown): void {
    this.#end = error;
    const { unsent, sent } = this.#outbox.close();
    for (const publish of unsent) publish.settle(undefined, error);
    for (const publish of sent) publish.settle(undefined, errorNamed('outcome-unknown', error));
  }
}

/** Ids are forgotten with their log (and after the hub's dedup window, PROTOCOL §11); which log is the hub's to know. */
const isSame = (a: Welcome['epochs'], b: Welcome['epochs']): boolean => a.v === b.v && a.d === b.d;
