/**
 * Faults of what is durable, of named queues and of the disk that can be planted (see `faults.ts`).
 */
import type { DurableLog } from '../../server/src/engines/durable-log.ts';
import type { WriteGroup } from '../../server/src/engines/write-group.ts';
import type { Fault } from './faults.ts';
import type { HubProcess } from './hub-process.ts';

/** The parts of an engine that stand on its store, where it has one. */
const durableOf = ({ engine }: HubProcess) =>
  (engine as unknown as { durable?: { group: WriteGroup; log: DurableLog } }).durable;

export const DURABLE_FAULTS = {
  'confirm-before-sync': {
    about: 'publishes are confirmed and shown before they are on disk',
    engine: (process) => {
      const { group } = durableOf(process) ?? {};
      if (!group) return;
      const whenStored = group.whenStored.bind(group);
      group.whenStored = (done) => {
        // The batch is made all the same.
        whenStored(() => {});
        if (typeof done === 'function') done(false);
        else done.told(false);
      };
    },
  },
  'torn-write': {
    about: 'of a batch that a power cut has torn, what reached the disk counts',
    disk: (disk) => {
      const recover = disk.recover.bind(disk);
      disk.recover = () => {
        disk.entries.apply(disk.torn);
        recover();
      };
    },
  },
  'forgotten-definition': {
    about: 'an exchange that was declared durable is not stored',
    hub: ({ insides: { context } }) => {
      const { definitions } = context;
      if (definitions) definitions.putExchange = (_, stored) => stored();
    },
  },
  'ack-not-stored': {
    about: 'what ended stays in the store',
    engine: ({ engine }) => {
      if (engine.queues) engine.queues.settle = () => {};
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
      if (!queues) return;
      const onSums = queues.onSums.bind(queues);
      queues.onSums = (sums) =>
        onSums((queue, storing) => sums(queue, storing)?.replace(/"deliveredUpTo":\d+/, '"deliveredUpTo":0'));
    },
  },
} as const satisfies Record<string, Fault>;
