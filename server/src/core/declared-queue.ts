/**
 * A named queue as it was declared: what holds its messages, what leads to it, and whose it is (PROTOCOL §20).
 */
import type { QueueOptions } from '@ringhub/protocol';
import type { Consumer } from './consumer.ts';
import type { Exchange } from './exchanges.ts';
import type { NamedQueue } from './named-queue.ts';
import type { BindingArguments } from './routing-table.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

export type HubExchange = Exchange<Subscription, DeclaredQueue>;

/** A binding from an exchange to a named queue. */
export interface QueueBinding {
  readonly exchange: HubExchange;
  readonly spec: BindingArguments;
}

export class DeclaredQueue {
  /** By exchange and the text of what it is bound with: a queue may have as many as the node. */
  private readonly byExchange = new Map<HubExchange, Map<string, QueueBinding>>();
  /** Wakes it when its next delayed message is due. */
  alarm: { readonly atMs: number; stop(): void } | undefined;

  constructor(
    /** Never used again, also after a restart where it is durable. */
    readonly id: number,
    readonly options: QueueOptions,
    readonly state: NamedQueue,
    /** Of an exclusive queue: the session it belongs to. */
    readonly owner: Session | undefined,
    /** The subject that declared it; of one stored by an earlier version nobody knows. */
    readonly declaredBy: string | undefined,
  ) {}

  get name(): string {
    return this.state.name;
  }

  get isDurable(): boolean {
    return this.state.settings.durable;
  }

  /** All of them, as they are now. */
  get bindings(): QueueBinding[] {
    return [...this.byExchange.values()].flatMap((ofExchange) => [...ofExchange.values()]);
  }

  bindingsTo(exchange: HubExchange): QueueBinding[] {
    return [...(this.byExchange.get(exchange)?.values() ?? [])];
  }

  /** False where it was bound so already. */
  bind(binding: QueueBinding): boolean {
    const { exchange, spec } = binding;
    const text = JSON.stringify(spec);
    let ofExchange = this.byExchange.get(exchange);
    // The table would count it again, and want it taken back as often.
    if (ofExchange?.has(text)) return false;
    if (!ofExchange) {
      ofExchange = new Map();
      this.byExchange.set(exchange, ofExchange);
    }
    ofExchange.set(text, { exchange, spec });
    exchange.queues.bind(spec, this);
    return true;
  }

  /** False where there is no such binding. */
  unbind({ exchange, spec }: QueueBinding): boolean {
    const ofExchange = this.byExchange.get(exchange);
    if (!ofExchange?.delete(JSON.stringify(spec))) return false;
    if (ofExchange.size === 0) this.byExchange.delete(exchange);
    exchange.queues.unbind(spec, this);
    return true;
  }
}

/** A session's consumer of a named queue. */
export class QueueConsumer {
  constructor(
    readonly session: Session,
    readonly queue: DeclaredQueue,
    readonly consumer: Consumer,
  ) {}

  get id(): number {
    return this.consumer.id;
  }
}
