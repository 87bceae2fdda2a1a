/**
 * Who is here, from what the hub tells of sessions and bindings. Pure.
 *
 * A person is a session with a binding `seat.…` on the chat exchange. The hub's events come in the same ordered feed
 * as the lines, so that "Ada left" stands where it happened. Who came earlier is told by those who are here already;
 * a session that has closed stays closed, whatever others still believe.
 */
import { CHAT, type HubEvent, isSeat } from './rooms.ts';

export interface Person {
  readonly session: string;
  readonly name: string;
  /** Away: the connection is gone and the hub keeps the session. */
  readonly isAway: boolean;
  /** Keys followed, by queue: a person who follows other rooms has two queues for a moment. */
  readonly follows: readonly (readonly [queue: number, key: string])[];
}

export type Move = 'joined' | 'left' | 'lost' | 'back';

export interface Moved {
  readonly move: Move;
  readonly person: Person;
}

const MAX_CLOSED = 1_000;
const MAX_TOLD = 200;

export class Presence {
  readonly people = new Map<string, Person>();
  /** Sessions that are over: bounded, oldest first out. */
  readonly #closed = new Set<string>();

  /** Takes an event of `hub.events`; says what it means to those who watch, if anything. */
  take(routingKey: string, event: HubEvent): Moved | undefined {
    const [subject, what] = routingKey.split('.');
    if (subject === 'binding') return this.#binding(what === 'created', event);
    if (subject !== 'session') return undefined;
    const person = this.people.get(event.session);
    if (what === 'closed') this.#close(event.session);
    if (!person) return undefined;
    if (what === 'closed') return { move: 'left', person };
    if (what === 'parked') return this.#away(person, true);
    if (what === 'resumed') return this.#away(person, false);
    return undefined;
  }

  /** Somebody says who is here: a message like any other, so its shape is not to be relied on. */
  told(people: unknown): void {
    if (!Array.isArray(people)) return;
    for (const person of people.slice(0, MAX_TOLD)) {
      if (!isPerson(person) || this.people.has(person.session) || this.#closed.has(person.session)) continue;
      this.people.set(person.session, person);
    }
  }

  clear(): void {
    this.people.clear();
  }

  #binding(
    isCreated: boolean,
    { session, client = '', queue = 0, exchange, key = '' }: HubEvent,
  ): Moved | undefined {
    if (exchange !== CHAT) return undefined;
    const known = this.people.get(session);
    if (!isCreated) {
      if (known) this.#put({ ...known, follows: known.follows.filter(([of]) => of !== queue) });
      return undefined;
    }
    if (key.startsWith('room.') && known) {
      this.#put({ ...known, follows: [...known.follows, [queue, key]] });
      return undefined;
    }
    if (!isSeat(key)) return undefined;
    const person = { session, name: client, isAway: false, follows: known?.follows ?? [] };
    this.#put(person);
    return known ? undefined : { move: 'joined', person };
  }

  #away(person: Person, isAway: boolean): Moved | undefined {
    if (person.isAway === isAway) return undefined;
    const now = { ...person, isAway };
    this.#put(now);
    return { move: isAway ? 'lost' : 'back', person: now };
  }

  #put(person: Person): void {
    this.people.set(person.session, person);
  }

  #close(session: string): void {
    this.people.delete(session);
    this.#closed.add(session);
    if (this.#closed.size <= MAX_CLOSED) return;
    for (const oldest of this.#closed) {
      this.#closed.delete(oldest);
      return;
    }
  }
}

function isPerson(told: unknown): told is Person {
  if (typeof told !== 'object' || told === null) return false;
  const { session, name, isAway, follows } = told as Partial<Record<keyof Person, unknown>>;
  return (
    typeof session === 'string' &&
    typeof name === 'string' &&
    typeof isAway === 'boolean' &&
    Array.isArray(follows) &&
    follows.every((pair) => Array.isArray(pair) && typeof pair[1] === 'string')
  );
}
