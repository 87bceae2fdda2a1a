/**
 * Commands and their answers. A command is kept until it is answered: after a reconnect it is sent again, with
 * its number, so a lost connection is only a delay.
 *
 * That cannot subscribe twice: where the hub did make a queue for a `subscribe` whose answer was lost, the resume
 * does not name that queue, which unsubscribes it before the command comes again (PROTOCOL §12).
 */
import { type ClientFrame, encodeClientFrame, type ServerFrame, type Subscribed } from '@ringhub/protocol';
import { RinghubError } from './errors.ts';

type Answer = Extract<ServerFrame, { type: 'ok' | 'error' }>;
type Result = Subscribed | undefined;

interface Command {
  /** Made anew each time it is sent: a queue may have got another number. */
  readonly frame: (ref: number) => ClientFrame;
  readonly transient: boolean;
  readonly accept: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface CommandOptions<T> {
  readonly frame: Command['frame'];
  /** Done, too, when the connection that carried it is lost. */
  readonly transient?: boolean;
  /** Called at once with the result, before any frame that follows it; gives what the command resolves with. */
  readonly accept: (result: Result) => T;
  readonly signal?: AbortSignal | undefined;
  /** Called if it succeeds after `signal` has given it up. */
  readonly undo?: (result: Result) => void;
}

export class Commands {
  #lastRef = 0;
  readonly #open = new Map<number, Command>();
  /** Given up while the hub was at it: what to do when it succeeds nevertheless. */
  readonly #givenUp = new Map<number, (result: Result) => void>();

  constructor(private readonly send: (line: string) => void) {}

  /** Sends a command, now or when the link is open, and waits for its answer. */
  run<T>({ frame, accept, signal, undo, transient = false }: CommandOptions<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const ref = ++this.#lastRef;
      const giveUp = () => {
        if (!this.#open.delete(ref)) return;
        if (undo) this.#givenUp.set(ref, undo);
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener('abort', giveUp);
      this.#open.set(ref, {
        frame,
        transient,
        accept: (result) => {
          settled();
          resolve(accept(result));
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      signal?.addEventListener('abort', giveUp, { once: true });
      this.send(encodeClientFrame(frame(ref)));
    });
  }

  /** Takes an answer; false where it answers nothing. */
  answered(frame: Answer): boolean {
    const { ref } = frame;
    if (ref === null) return false;
    const command = this.#open.get(ref);
    const undo = this.#givenUp.get(ref);
    this.#open.delete(ref);
    this.#givenUp.delete(ref);
    if (frame.type === 'error') command?.reject(new RinghubError(frame.code, frame.text, frame.detail));
    else if (command) command.accept(frame.result);
    else undo?.(frame.result);
    return command !== undefined || undo !== undefined;
  }

  /** The connection is lost, and with it what was given up on it. */
  lost(): void {
    this.#givenUp.clear();
    for (const [ref, { transient, accept }] of this.#open) {
      if (!transient) continue;
      this.#open.delete(ref);
      accept(undefined);
    }
  }

  /** After a welcome: everything not answered is sent again. */
  resend(): void {
    for (const [ref, { frame }] of this.#open) this.send(encodeClientFrame(frame(ref)));
  }

  close(error: unknown): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#givenUp.clear();
    for (const command of open) command.reject(error);
  }
}
