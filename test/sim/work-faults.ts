/**
 * Faults that can be planted in the queue simulation, to see that its account finds them.
 */
import type { DurableLog } from '../../server/src/engines/durable-log.ts';
import type { WriteGroup } from '../../server/src/engines/write-group.ts';
import type { HubProcess } from './hub-process.ts';

export interface WorkFault {
  readonly about: string;
  engine?(process: HubProcess): void;
}

/** The parts of an engine that stand on its store. */
const durableOf = ({ engine }: HubProcess) =>
  (engine as unknown as { durable: { group: WriteGroup; log: DurableLog } }).durable;

export const WORK_FAULTS = {
  'confirm-before-flush': {
    about: 'publishes are confirmed and shown before they are on disk',
    engine: (process) => {
      const { group } = durableOf(process);
      const whenStored = group.whenStored.bind(group);
      group.whenStored = (done) => {
        // The batch is made all the same.
        whenStored(() => {});
        if (typeof done === 'function') done(false);
        else done.told(false);
      };
    },
  },
  'ack-not-stored': {
    about: 'what ended stays in the store',
    engine: ({ engine }) => {
      engine.queues!.settle = () => {};
    },
  },
  'lost-dead-letter': {
    about: 'dead letters leave their queue and enter no other',
    engine: ({ engine }) => {
      const publish = engine.publish.bind(engine);
      engine.publish = (record, done, extras) => {
        if (!extras?.settles) {
          publish(record, done, extras);
          return;
        }
        for (const [queue, seq] of extras.settles) engine.queues!.settle(queue, seq);
        done({ kind: 'refused', error: 'unavailable' });
      };
    },
  },
  'unmarked-delivery': {
    about: 'what may have been delivered is not stored before it is',
    engine: ({ engine }) => {
      const { queues } = engine;
      const onSums = queues!.onSums.bind(queues);
      queues!.onSums = (sums) =>
        onSums((queue, storing) => sums(queue, storing)?.replace(/"deliveredUpTo":\d+/, '"deliveredUpTo":0'));
    },
  },
} as const satisfies Record<string, WorkFault>;

export type WorkFaultName = keyof typeof WORK_FAULTS;
