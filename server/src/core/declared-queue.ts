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
  readonly bindings: QueueBinding[] = [];
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

  /** False where it was bound so already. */
  bind({ exchange, spec }: QueueBinding): boolean {
    // The table would count it again, and want it taken back as often.
    if (this.indexOf({ exchange, spec }) >= 0) return false;
    exchange.queues.bind(spec, this);
    this.bindings.push({ exchange, spec });
    return true;
  }

  /** False where there is no such binding. */
  unbind({ exchange, spec }: QueueBinding): boolean {
    const at = this.indexOf({ exchange, spec });
    if (at < 0) return false;
    this.bindings.splice(at, 1);
    exchange.queues.unbind(spec, this);
    return true;
  }

  private indexOf({ exchange, spec }: QueueBinding): number {
    const text = JSON.stringify(spec);
    return this.bindings.findIndex(
      (binding) => binding.exchange === exchange && JSON.stringify(binding.spec) === text,
    );
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
