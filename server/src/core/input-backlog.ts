/**
 * What a connection sent and the hub has not handled yet: the message it is in the middle of, and those behind it.
 *
 * Most connections never have one: it is made where a turn's share is spent, or a token is being checked.
 */
import type { ClientMessage } from '@ringhub/protocol';
import type { Message } from '../ports/transport.ts';
import { Fifo } from './fifo.ts';
import type { HubCodec } from './hub-codec.ts';

/** What a message costs besides its length. */
const MESSAGE_BYTES = 128;

export class InputBacklog {
  private readonly messages = new Fifo<Message>();
  private waitingBytes = 0;

  /** @param current is kept, with what is left of it */
  constructor(private current: ClientMessage | undefined) {
    current?.keep();
  }

  /** Of the messages that were not begun. */
  get bytes(): number {
    return this.waitingBytes;
  }

  /** Bytes are copied. */
  push(message: Message): void {
    this.messages.push(typeof message === 'string' ? message : new Uint8Array(message));
    this.waitingBytes += sizeOf(message);
  }

  /** The message to go on with, if there is one. */
  message(codec: Pick<HubCodec, 'read'>): ClientMessage | undefined {
    if (this.current) return this.current;
    const message = this.messages.shift();
    if (message === undefined) return undefined;
    this.waitingBytes -= sizeOf(message);
    this.current = codec.read(message);
    return this.current;
  }

  /** The message that was begun is read to its end. */
  finish(): void {
    this.current = undefined;
  }
}

const sizeOf = (message: Message): number => MESSAGE_BYTES + message.length;
