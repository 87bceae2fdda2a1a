/** A deliberate difference between the hub and RabbitMQ, as the comparison knows it. */
import type { HubView } from './hub-broker.ts';
import type { Outcome } from './outcome.ts';
import type { Operation } from './topology.ts';

/** One operation, and what both made of it. */
export interface Step {
  readonly operation: Operation;
  readonly earlier: readonly Operation[];
  readonly hub: Outcome;
  readonly rabbitmq: Outcome;
  /** Of the hub, before and after. */
  readonly before: HubView;
  readonly after: HubView;
}

export interface Difference {
  /** As in docs/differences-from-rabbitmq.md. */
  readonly name: string;
  /** It may be met though both say the same, as what they keep is not the same any more. */
  readonly isHidden?: boolean;
  /**
   * What RabbitMQ would have said were it not for this difference, or `parts`: from here on the two are in different states, and
   * the topology ends. `undefined` where the difference is another one.
   */
  readonly explain: (step: Step) => Outcome | 'parts' | undefined;
}
