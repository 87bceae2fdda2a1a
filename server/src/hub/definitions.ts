/**
 * Durable definitions: exchanges, named queues and bindings that are there again after a restart (PROTOCOL §5, §20).
 *
 *     x/<exchange>   q/<queue>   e/[source, destination, key, args]   b/[queue, exchange, key, args]   r/<subject>
 *
 * Written when they are made or taken away, in the order in which that happens; read once, at the start. A binding is kept
 * if both its ends are there after a restart: durable ones, and the exchanges that always are.
 */
import type {
  ErrorName,
  ExchangeOptions,
  QueueOptions,
  BindingArguments as WireArguments,
} from '@ringhub/protocol';
import { type BindingArguments, fromArguments } from '../core/routing-table.ts';
import type { EngineMeta } from '../ports/engine.ts';
import type { Revocation } from './revocations.ts';

/** Called back once a change is on disk, or will never be. */
export type Stored = (error?: ErrorName) => void;

export interface StoredExchange {
  readonly name: string;
  readonly options: ExchangeOptions;
  readonly incarnation: number;
  /** Its declarer's subject; earlier versions did not store it. */
  readonly by?: string | undefined;
}

export interface StoredQueue {
  readonly name: string;
  readonly options: QueueOptions;
  readonly id: number;
  /** As of an exchange. */
  readonly by?: string | undefined;
}

export interface StoredBinding {
  readonly source: string;
  readonly destination: string;
  readonly key: string;
  readonly args: WireArguments | undefined;
}

/** Highest numbers ever given: none is used again, so that nothing old comes back under a new name. */
interface Numbers {
  readonly incarnation: number;
  readonly queue: number;
}

export class Definitions {
  constructor(private readonly meta: EngineMeta) {}

  get numbers(): Numbers {
    const [entry] = this.meta.list('numbers');
    return entry ? (JSON.parse(entry[1]) as Numbers) : { incarnation: 0, queue: 0 };
  }

  get exchanges(): StoredExchange[] {
    return this.all('x/', (name, value) => ({ name, ...(value as Omit<StoredExchange, 'name'>) }));
  }

  get queues(): StoredQueue[] {
    return this.all('q/', (name, value) => ({ name, ...(value as Omit<StoredQueue, 'name'>) }));
  }

  get exchangeBindings(): StoredBinding[] {
    return this.all('e/', (_, value) => value as StoredBinding);
  }

  get queueBindings(): StoredBinding[] {
    return this.all('b/', (_, value) => value as StoredBinding);
  }

  saveNumbers(numbers: Numbers): void {
    this.meta.put('numbers', JSON.stringify(numbers));
  }

  putExchange({ name, ...rest }: StoredExchange, stored: Stored): void {
    this.meta.put(`x/${name}`, JSON.stringify(rest), stored);
  }

  removeExchange(name: string, stored?: Stored): void {
    this.meta.put(`x/${name}`, undefined, stored);
  }

  putQueue({ name, ...rest }: StoredQueue, stored: Stored): void {
    this.meta.put(`q/${name}`, JSON.stringify(rest), stored);
  }

  removeQueue(name: string, stored?: Stored): void {
    this.meta.put(`q/${name}`, undefined, stored);
  }

  /** @param kind `e` between exchanges, `b` to a named queue */
  putBinding(kind: 'e' | 'b', binding: StoredBinding, stored: Stored): void {
    this.meta.put(keyOf(kind, binding), JSON.stringify(binding), stored);
  }

  removeBinding(kind: 'e' | 'b', binding: StoredBinding, stored?: Stored): void {
    this.meta.put(keyOf(kind, binding), undefined, stored);
  }

  get revocations(): Revocation[] {
    return this.all('r/', (_, value) => value as Revocation);
  }

  putRevocation(revocation: Revocation, stored: Stored): void {
    this.meta.put(`r/${revocation.subject}`, JSON.stringify(revocation), stored);
  }

  removeRevocation(subject: string): void {
    this.meta.put(`r/${subject}`, undefined);
  }

  private all<T>(prefix: string, read: (name: string, value: unknown) => T): T[] {
    return this.meta.list(prefix).map(([key, value]) => read(key.slice(prefix.length), JSON.parse(value)));
  }
}

/** A binding as it is stored. */
export const storedBinding = (
  source: string,
  destination: string,
  binding: BindingArguments,
): StoredBinding => ({ source, destination, key: binding.key, args: fromArguments(binding) });

const keyOf = (kind: 'e' | 'b', { source, destination, key, args }: StoredBinding): string =>
  `${kind}/${JSON.stringify([
    destination,
    source,
    key,
    Object.entries(args ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ])}`;
