/**
 * Faults that can be planted, to see that the checks find them: `--fault NAME`, or RINGHUB_SIM_FAULT. Each changes
 * instances of a run under way; the product's code knows nothing of them.
 */
import type { Delivery } from '../../client-sdk/src/delivery.ts';
import type { Feed } from '../../client-sdk/src/feed.ts';
import type { DedupWindow } from '../../server/src/core/dedup-window.ts';
import { GapEntry } from '../../server/src/core/gap-entry.ts';
import type { LogReader } from '../../server/src/core/log-reader.ts';
import type { SessionQueue } from '../../server/src/core/session-queue.ts';
import type { PublishResult, StoredRecord } from '../../server/src/ports/engine.ts';
import type { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { DURABLE_FAULTS } from './faults-durable.ts';
import { GUARD_FAULTS } from './faults-guards.ts';
import { ROUTING_FAULTS } from './faults-routing.ts';
import type { Follower } from './follower.ts';
import type { HubProcess } from './hub-process.ts';
import type { Reader } from './reader.ts';
import type { Simulation } from './simulation.ts';

export interface Fault {
  readonly about: string;
  readonly disk?: (disk: MemoryDisk, simulation: Simulation) => void;
  readonly engine?: (process: HubProcess, simulation: Simulation) => void;
  readonly hub?: (process: HubProcess, simulation: Simulation) => void;
  readonly queue?: (queue: SessionQueue, simulation: Simulation) => void;
  readonly follower?: (follower: Follower, simulation: Simulation) => void;
  readonly reader?: (reader: Reader, simulation: Simulation) => void;
}

const feedOf = (reader: Reader): Feed => (reader.subscription as unknown as { feed: Feed }).feed;

export const FAULTS = {
  'silent-drop': {
    about: 'a ring lets messages go without a gap',
    queue: ({ ready }) => {
      ready.turnIntoGap = (distance) => {
        ready.remove(distance);
        return new GapEntry();
      };
    },
  },
  'no-resend': {
    about: 'a resume does not send unacknowledged tags again',
    queue: (queue) => {
      queue.window.rewind = () => {};
    },
  },
  'ack-on-receipt': {
    about: 'the SDK acknowledges what it hands out before it is processed',
    reader: (reader) => {
      const feed = feedOf(reader);
      const next = feed.next.bind(feed);
      feed.next = (): Delivery | undefined => {
        const delivery = next();
        if (delivery) feed.settle({ ...delivery }, 'ack');
        return delivery;
      };
    },
  },
  'cursor-ahead': {
    about: 'the SDK resumes from a cursor beyond what was processed',
    reader: (reader, { hub }) => {
      const feed = feedOf(reader);
      const hello = feed.hello.bind(feed);
      feed.hello = () => {
        const { epoch, last } = hub.engine.bounds('v');
        const fields = hello();
        return fields.cursor === null ? fields : { ...fields, cursor: `v:${epoch}:${last}` };
      };
    },
  },
  'early-confirm': {
    about: 'publishes are confirmed before the engine has taken them',
    hub: (process, { world }) => {
      const { engine } = process;
      const publish = engine.publish.bind(engine);
      let waiting = 0;
      engine.publish = (record, done: (result: PublishResult) => void) => {
        const offset = engine.bounds('v').last + ++waiting;
        done({
          kind: 'taken',
          record: { ...record, log: 'v', offset, sessions: 1 } as unknown as StoredRecord,
          seqs: [],
        });
        world.after(20, 'late append', () => {
          waiting--;
          if (process.isAlive) publish(record, () => {});
        });
      };
    },
  },
  'double-settle': {
    about: 'now and then an obligation is settled twice',
    queue: ({ ledger }, { world }) => {
      const settle = ledger.settle.bind(ledger);
      const random = world.random.fork('double-settle');
      ledger.settle = (outcome) => {
        settle(outcome);
        if (random.chance(0.05) && ledger.settled < ledger.routed) settle(outcome);
      };
    },
  },
  'silent-trim': {
    about: 'what the log no longer holds is passed over without a gap',
    hub: ({ insides: { flusher } }) => {
      const { replayer } = flusher as unknown as {
        replayer: { tellTrimmed(s: { queue: SessionQueue }, reader: LogReader): void };
      };
      const tell = replayer.tellTrimmed.bind(replayer);
      replayer.tellTrimmed = (subscription, reader) => {
        const { queue } = subscription;
        const tellLoss = queue.tellLoss.bind(queue);
        queue.tellLoss = () => {};
        tell(subscription, reader);
        queue.tellLoss = tellLoss;
      };
    },
  },
  'forgotten-ids': {
    about: 'the engine does not recognise publish ids',
    hub: ({ engine }) => {
      (engine as unknown as { ids: DedupWindow }).ids.find = () => undefined;
    },
  },
  'held-for-ever': {
    about: 'the memory budget is not told of every release',
    hub: ({ insides: { context } }, { world }) => {
      const { budget } = context;
      const random = world.random.fork('held-for-ever');
      const release = budget.release.bind(budget);
      budget.release = (record) => {
        if (!random.chance(0.01)) release(record);
      };
    },
  },
  ...ROUTING_FAULTS,
  ...DURABLE_FAULTS,
  ...GUARD_FAULTS,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export function faultNamed(name: string | undefined): Fault | undefined {
  if (name === undefined || name === '') return undefined;
  const fault: Fault | undefined = Object.hasOwn(FAULTS, name) ? FAULTS[name as FaultName] : undefined;
  if (!fault) throw new Error(`no fault is called ${name}; there are ${Object.keys(FAULTS).join(', ')}`);
  return fault;
}
