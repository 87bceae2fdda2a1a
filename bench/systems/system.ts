/**
 * A system under test: a server in its own process, and how a client of it speaks.
 *
 * Every system takes part in the same scenarios with the same load client; what one cannot do (patterns, acks) keeps it out
 * of the scenario, with a word why, rather than being faked.
 */
import type { Tally } from '../load/tally.ts';

/** One connection of a client. */
export interface Peer {
  /** Resolves once messages for any of these patterns come. `#` stands last, for one word or more; `*` for one word. */
  subscribe(patterns: readonly string[]): Promise<void>;
  /** Sends a message; those of one turn of the event loop leave together. */
  publish(key: string, message: string): void;
  /** Messages that may be published now without going over a window; Infinity where there is none. */
  readonly room: number;
  /** Reads of its socket so far. */
  readonly reads: number;
  close(): void;
}

/** A connection that only publishes, and is told what arrived. */
export interface IngressPeer {
  /** Messages that may be unconfirmed. */
  readonly window: number;
  /** Sends `count` messages, all alike, in one WebSocket message. */
  publish(key: string, message: string, count: number): void;
  close(): void;
}

export interface RunningSystem {
  readonly pid: number;
  /** @param acks whether it acknowledges what it receives, as its protocol has it */
  connect(tally: Tally, acks: boolean): Promise<Peer>;
  /** There where the system can `confirms`. */
  ingress?(onConfirmed: (count: number) => void): Promise<IngressPeer>;
  stop(): Promise<void>;
}

export type Ability = 'fan-out' | 'patterns' | 'acks' | 'confirms';

export interface System {
  readonly name: string;
  readonly can: ReadonlySet<Ability>;
  /** Why it cannot run here, or `undefined`. */
  missing(): string | undefined;
  /** Of what is measured, where it can be found out. */
  version(): string | undefined;
  /** @param ability what is asked of it: a system may have another way for each */
  start(ability: Ability): Promise<RunningSystem>;
}
