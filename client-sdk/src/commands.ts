/**
 * Commands and their answers. A command is kept until it is answered: after a reconnect it is sent again, with
 * its number, so a lost connection is only a delay.
 *
 * That cannot subscribe twice: where the hub did make a queue for a `subscribe` whose answer was lost, the resume
 * does not name that queue, which unsubscribes it before the command comes again (PROTOCOL §12). What takes
 * something away and is sent again may find it gone: then the first one did it.
 */
import type { ServerFrame } from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import { RinghubError } from './errors.ts';
import type { ClientLine, CommandLine } from './line.ts';

type Answer = Extract<ServerFrame, { type: 'ok' | 'error' }>;
type Result = Extract<ServerFrame, { type: 'ok' }>['result'];

interface Command extends Pick<CommandSpec<unknown>, 'line' | 'transient' | 'takesAway'> {
  /** Maybe the hub has done it already. */
  again?: boolean;
  readonly accept: (result: Result) => void;
  /** Ends the waiting; with an error, it rejects. */
  readonly settled: (error?: unknown) => void;
}

/** For commands that can be given up. */
export interface CommandOptions {
  /** Ends the waiting; what the hub has already got may still be done. */
  readonly signal?: AbortSignal | undefined;
}

export interface CommandSpec<T> extends CommandOptions {
  /** Made anew each time it is sent: a queue may have got another number. */
  readonly line: () => CommandLine;
  /** Done, too, when the connection that carried it is lost. */
  readonly transient?: boolean;
  /** Once sent again, an `unknown-…` or `…-not-found` is what was wanted. */
  readonly takesAway?: boolean;
  /** Called at once with the result, before any frame that follows it; gives what the command resolves with. */
  readonly accept?: (result: Result) => T;
  /** Called with the result, if it succeeds after `signal` has given it up; without, if the connection is lost. */
  readonly undo?: (result: Result) => void;
}

export class Commands {
  #lastRef = 0;
  readonly #open = new Map<number, Command>();
  readonly #send: (line: ClientLine) => void;
  #end: unknown;

  constructor(send: (line: ClientLine) => void) {
    this.#send = send;
  }

  /** Sends a command, now or when the link is open, and waits for its answer. */
  run<T>(spec: CommandSpec<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end) throw this.#end;
      const { accept, signal, undo } = spec;
      const ref = ++this.#lastRef;
      const letGo = onAbort(signal, () => {
        reject(signal?.reason);
        // The hub may be at it: the answer is waited for, if undoing has a point.
        if (undo) this.#open.set(ref, { ...command, transient: true, accept: undo });
        else this.#open.delete(ref);
      });
      const settled = (error?: unknown) => {
        letGo();
        // Accepted, it is resolved already.
        reject(error);
      };
      const command: Command = { ...spec, accept: (result) => resolve(accept?.(result) as T), settled };
      this.#open.set(ref, command);
      this.#sendCommand(ref, command);
    });
  }

  /** Takes an answer; false where it answers nothing. */
  received(frame: Answer): boolean {
    const ref = frame.ref ?? 0;
    const command = this.#open.get(ref);
    if (!command) return false;
    this.#open.delete(ref);
    const error = 'code' in frame ? new RinghubError(frame.code, frame.text, frame.detail) : undefined;
    const isGone = command.takesAway && command.again && error && /^unknown|found$/.test(error.name);
    if (!error || isGone) command.accept((frame as { result?: Result }).result);
    command.settled(error);
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
    for (const [ref, command] of this.#open) {
      command.again = true;
      this.#sendCommand(ref, command);
    }
  }

  #sendCommand(ref: number, { line }: Command): void {
    const [type, ...fields] = line();
    this.#send([type, ref, ...fields]);
  }

  close(error: unknown): void {
    this.#end = error;
    for (const { settled } of this.#open.values()) settled(error);
    this.#open.clear();
  }
}
