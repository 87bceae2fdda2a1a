/** What a hub without a fault made of a topology, to hold one with a fault against where there is no RabbitMQ. */
import type { OtherBroker } from './comparison.ts';
import { HubBroker } from './hub-broker.ts';
import type { Outcome } from './outcome.ts';
import type { Topology } from './topology.ts';

export function outcomesOf({ operations }: Topology): Outcome[] {
  const hub = new HubBroker();
  const outcomes = operations.map((operation) => hub.perform(operation));
  hub.close();
  return outcomes;
}

/** Says what was said before. */
export class RecordedBroker implements OtherBroker {
  private next = 0;

  constructor(private readonly outcomes: readonly Outcome[]) {}

  begin(): void {
    this.next = 0;
  }

  async perform(): Promise<Outcome> {
    return this.outcomes[this.next++]!;
  }

  async end(): Promise<void> {}
}
