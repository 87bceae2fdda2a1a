/**
 * Commands and their answers. A command is kept until it is answered: after a reconnect it is sent again, with
 * its number, so a lost connection is only a delay.
 *
 * That cannot subscribe twice: where the hub did make a queue for a `subscribe` whose answer was lost, the resume
 * does not name that queue, which unsubscribes it before the command comes again (PROTOCOL §12).
 */
import { type ClientFrame, encodeClientFrame, type ServerFrame, type Subscribed } from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import { RinghubError } from './errors.ts';

type Answer = Extract<ServerFrame, { type: 'ok' | 'error' }>;
type Result = Subscribed | undefined;

interface Command {
  /** Made anew each time it is sent: a queue may have got another number. */
  readonly frame: (ref: number) => ClientFrame;
  readonly transient: boolean;
  readonly accept: (result: Result) => void;
  /** Ends the waiting; with an error, it rejects. */
  readonly settled: (error?: unknown) => void;
}

export interface CommandOptions<T> {
  readonly frame: Command['frame'];
  /** Done, too, when the connection that carried it is lost. */
  readonly transient?: boolean;
  /** Called at once with the result, before any frame that follows it; gives what the command resolves with. */
  readonly accept: (result: Result) => T;
  readonly signal?: AbortSignal | undefined;
  /** Called with the result, if it succeeds after `signal` has given it up; without, if the connection is lost. */
  readonly undo?: (result: Result) => void;
}

export class Commands {
  #lastRef = 0;
  readonly #open = new Map<number, Command>();
  readonly #send: (line: string) => void;
  #end: unknown;

  constructor(send: (line: string) => void) {
    this.#send = send;
  }

  /** Sends a command, now or when the link is open, and waits for its answer. */
  run<T>({ frame, accept, signal, undo, transient = false }: CommandOptions<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end) throw this.#end;
      const ref = ++this.#lastRef;
      const letGo = onAbort(signal, () => {
        reject(signal?.reason);
        // The hub may be at it: the answer is waited for, if undoing has a point.
        if (undo) this.#open.set(ref, { frame, transient: true, accept: undo, settled });
        else this.#open.delete(ref);
      });
      const settled = (error?: unknown) => {
        letGo();
        if (error) reject(error);
      };
      this.#open.set(ref, { frame, transient, accept: (result) => resolve(accept(result)), settled });
      this.#send(encodeClientFrame(frame(ref)));
    });
  }

  /** Takes an answer; false where it answers nothing. */
  received(frame: Answer): boolean {
    const command = this.#open.get(frame.ref ?? 0);
    if (!command) return false;
    this.#open.delete(frame.ref!);
    if (frame.type === 'ok') command.accept(frame.result as Result);
    command.settled(
      frame.type === 'error' ? new RinghubError(frame.code, frame.text, frame.detail) : undefined,
    );
    return true;
  }

  /** The connection is lost, and with it what has a point only there. */
  lost(): void {
    for (const [ref, { transient, accept, settled }] of this.#open) {
      if (!transient) continue;
      this.#open.delete(ref);
      accept(undefined);
      settled();
    }
  }

  /** After a welcome: everything not answered is sent again. */
  welcomed(): void {
    for (const [ref, { frame }] of this.#open) this.#send(encodeClientFrame(frame(ref)));
  }

  close(error: unknown): void {
    this.#end = error;
    for (const { settled } of this.#open.values()) settled(error);
    this.#open.clear();
  }
}
