/**
 * Topologies about delivery limits, which RabbitMQ's quorum queues have and its classic ones have not: messages that fail too often,
 * one at a time. With several, a quorum queue puts what comes back in front, not at its place, and the one of RabbitMQ 3.10 gives a
 * consumer more than its prefetch once a message of its has failed too often.
 */
import { Random } from '../../sim/random.ts';
import type { Operation, QueueWish, Settling, Topology } from './topology.ts';

const PLAIN = { durable: true, exclusive: false, autoDelete: false } as const;

export function limitsTopologyOf(seed: number): Topology {
  const random = new Random(seed);
  const deliveryLimit = random.int(1, 3);
  const limited: QueueWish = {
    ...PLAIN,
    deliveryLimit,
    ...(random.chance(0.8) && { deadLetterExchange: '', deadLetterKey: 'q1' }),
  };
  const operations: Operation[] = [
    { does: 'declare-queue', by: 'a', name: 'q0', options: limited },
    { does: 'declare-queue', by: 'a', name: 'q1', options: PLAIN },
  ];
  let consumers = 0;
  const consume = (): Operation => ({
    does: 'consume',
    by: 'a',
    consumer: `c${++consumers}`,
    queue: 'q0',
    prefetch: 1,
    exclusive: false,
  });
  operations.push(consume());
  for (let i = 0; i < 5; i++) {
    const settle = (how: Settling): Operation => ({
      does: 'settle',
      consumer: `c${consumers}`,
      how,
      at: 0,
      multiple: false,
    });
    operations.push({
      does: 'publish',
      tag: `m${i}`,
      exchange: '',
      key: 'q0',
      count: 1,
      units: 0,
      mandatory: false,
    });
    for (let fails = random.int(0, deliveryLimit + 2); fails > 0; fails--) {
      if (random.chance(0.8)) operations.push(settle('requeue'));
      else operations.push({ does: 'leave', consumer: `c${consumers}` }, consume());
    }
    // Nothing is left of it when the next one comes.
    operations.push(settle(random.pick(['ack', 'reject'])));
  }
  operations.push({ does: 'leave', consumer: `c${consumers}` });
  for (const queue of ['q0', 'q1']) operations.push({ does: 'drain', by: 'a', consumer: `d${queue}`, queue });
  return { seed, operations };
}
