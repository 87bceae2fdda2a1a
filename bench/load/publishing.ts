/** Two ways to publish: as fast as what is outstanding allows, or at a fixed rate whatever happens. */
import type { Peer } from '../systems/system.ts';
import { stampedMessage, type Tally } from './tally.ts';

export interface Published {
  messages: number;
  /** Deliveries that they must come to. */
  expected: number;
}

export interface Load {
  readonly published: Published;
  stop(): void;
}

/** A key, and how many deliveries a message under it must come to. */
export type NextKey = () => readonly [key: string, deliveries: number];

/** What may be sent in one turn of the loop, so that the load's own reading is never kept waiting for long. */
const MAX_A_TURN = 256;

/** Keeps up to `outstanding` deliveries under way. */
export function closedLoop(
  publisher: Peer,
  tally: Tally,
  next: NextKey,
  outstanding: number,
  bytes: number,
): Load {
  const published: Published = { messages: 0, expected: 0 };
  let isScheduled = false;
  let isStopped = false;
  const from = tally.deliveries;
  const pump = (): void => {
    isScheduled = false;
    for (let left = MAX_A_TURN; left > 0 && !isStopped; left--) {
      if (published.expected - (tally.deliveries - from) >= outstanding || publisher.room < 1) return;
      const [key, deliveries] = next();
      publisher.publish(key, stampedMessage(bytes));
      published.messages++;
      published.expected += deliveries;
    }
    schedule();
  };
  const schedule = (): void => {
    if (isScheduled || isStopped) return;
    isScheduled = true;
    setImmediate(pump);
  };
  tally.onProgress = schedule;
  schedule();
  return { published, stop: () => (isStopped = true) };
}

/** Publishes `perSecond` messages, as evenly as a timer of a millisecond allows. */
export function openLoop(publisher: Peer, next: NextKey, perSecond: number, bytes: number): Load {
  const published: Published = { messages: 0, expected: 0 };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
    while (published.messages < due) {
      const [key, deliveries] = next();
      publisher.publish(key, stampedMessage(bytes));
      published.messages++;
      published.expected += deliveries;
    }
  }, 1);
  return { published, stop: () => clearInterval(timer) };
}

/** Resolves with how many of the expected deliveries never came, once none has come for a while. */
export async function settled(tally: Tally, expected: number, quietMs = 2_000): Promise<number> {
  let seen = -1;
  for (let quiet = 0; tally.deliveries < expected && quiet < quietMs; quiet += 100) {
    if (tally.deliveries !== seen) quiet = 0;
    seen = tally.deliveries;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return expected - tally.deliveries;
}
