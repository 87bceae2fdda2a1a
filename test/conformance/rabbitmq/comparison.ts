/**
 * Plays a topology on the hub and on RabbitMQ, operation by operation, and holds what they make of it against each other.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Difference, Step } from './difference.ts';
import { DIFFERENCES } from './differences.ts';
import { HubBroker } from './hub-broker.ts';
import { leavesOrderOpen } from './open-order.ts';
import { type Outcome, outcomeText, plain } from './outcome.ts';
import { describe, type Operation, type Topology } from './topology.ts';

/** What a topology is held against. */
export interface OtherBroker {
  begin(prefix: string): void;
  perform(operation: Operation, expected: Outcome, patience: { readonly waitMs: number }): Promise<Outcome>;
  end(): Promise<void>;
}

export interface Verdict {
  readonly topology: Topology;
  readonly steps: readonly Pick<Step, 'operation' | 'hub' | 'rabbitmq'>[];
  /** Whether the last step differs, and no difference explains it. */
  readonly differs: boolean;
  /** Names of differences that were met, in order. */
  readonly met: readonly string[];
}

/** How long RabbitMQ may take until it is believed to mean what it says. */
const WAIT_MS = 300;

/** Stands among the differences met, where a topology ended for it. */
export const ORDER_LEFT_OPEN = 'order-left-open';

const isSame = (a: Outcome, b: Outcome): boolean => isDeepStrictEqual(plain(a), plain(b));

/** @param prefix of all names, so that no two topologies have the same */
export async function play(
  topology: Topology,
  other: OtherBroker,
  prefix: string,
  differences: readonly Difference[] = DIFFERENCES,
): Promise<Verdict> {
  const hub = new HubBroker();
  const steps: Pick<Step, 'operation' | 'hub' | 'rabbitmq'>[] = [];
  const met: string[] = [];
  other.begin(prefix);
  try {
    for (const operation of topology.operations) {
      const before = hub.view;
      const ours = hub.perform(operation);
      const theirs = await other.perform(operation, ours, { waitMs: WAIT_MS });
      const earlier = steps.map((one) => one.operation);
      const step: Step = { operation, earlier, hub: ours, rabbitmq: theirs, before, after: hub.view };
      steps.push(step);
      if (leavesOrderOpen(operation, before, hub.view)) {
        met.push(ORDER_LEFT_OPEN);
        break;
      }
      const end = judge(step, differences, met);
      if (end === 'parts') break;
      if (end === 'differs') return { topology, steps, differs: true, met };
    }
    return { topology, steps, differs: false, met };
  } finally {
    hub.close();
    await other.end();
  }
}

function judge(
  step: Step,
  differences: readonly Difference[],
  met: string[],
): 'parts' | 'differs' | undefined {
  let { rabbitmq } = step;
  for (const { name, isHidden, explain } of differences) {
    if (isSame(step.hub, rabbitmq) && !isHidden) continue;
    const explained = explain({ ...step, rabbitmq });
    if (explained === undefined) continue;
    met.push(name);
    if (explained === 'parts') return 'parts';
    rabbitmq = explained;
  }
  return isSame(step.hub, rabbitmq) ? undefined : 'differs';
}

/** The operations with both answers, the last ones where they are many. */
export function table({ steps, differs }: Verdict, most = Number.POSITIVE_INFINITY): string[] {
  return steps.slice(-most).flatMap(({ operation, hub, rabbitmq }, i, shown) => {
    const isLast = differs && i === shown.length - 1;
    const said = isLast
      ? [`Ringhub   ${outcomeText(hub)}`, `RabbitMQ  ${outcomeText(rabbitmq)}`]
      : [outcomeText(hub)];
    return [describe(operation), ...said.map((line) => `      ${line}`)];
  });
}
