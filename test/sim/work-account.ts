/**
 * What became of each message of the queue simulation, as its publishers, workers and readers saw it. It knows nothing
 * of the hub's own counters, until the end holds them against each other.
 *
 * - a confirmed message is worked off, or found among the dead letters, whatever crashed meanwhile;
 * - each publish is in a durable queue once; who gets a message again is told that it may have been delivered before;
 * - nobody is given a message of a queue that they may not consume from.
 */
import type { ServerFrame } from '@ringhub/protocol';
import type { World } from './world.ts';

export const WORK_QUEUES = ['jobs', 'graves', 'fast'] as const;
export type WorkQueue = (typeof WORK_QUEUES)[number];

/** One queue as its consumers see it. */
interface Seen {
  /** How often each message was handed out. */
  readonly handed: Map<string, number>;
  /** The first delivery of each message by the hub. */
  readonly sent: Map<string, string>;
  /** Messages that somebody acknowledged. */
  readonly acked: Set<string>;
}

const seenNothing = (): Seen => ({ handed: new Map(), sent: new Map(), acked: new Set() });

export class WorkAccount {
  readonly jobs = seenNothing();
  readonly graves = seenNothing();
  readonly fast = seenNothing();
  /** Confirmed messages. */
  readonly confirmed = new Set<string>();
  /** Confirmed messages that the queue in memory took, and the hub process that had it. */
  readonly tookFast = new Map<string, number>();

  constructor(private readonly world: World) {}

  confirm(id: string, process: number, took: readonly string[] | undefined): void {
    this.confirmed.add(id);
    if (took?.includes('fast')) this.tookFast.set(id, process);
    if (took && !took.includes('jobs')) this.world.fail('receipt', `${id} was not taken by jobs: ${took}`);
  }

  /** @param delivery what makes it one delivery: a resume may bring it again */
  send(queue: WorkQueue, id: string, delivery: string, isRedelivered: boolean): void {
    const { sent } = this[queue];
    const first = sent.get(id);
    if (first === undefined) sent.set(id, delivery);
    else if (first !== delivery && !isRedelivered)
      this.world.fail('redelivered', `${queue} gives ${id} out again as if for the first time`);
  }

  hand(queue: WorkQueue, id: string): void {
    const { handed } = this[queue];
    handed.set(id, (handed.get(id) ?? 0) + 1);
  }

  /** What the hub of a number says to a client; workers are named for their queue. */
  hear(
    client: string,
    process: number,
    frames: readonly ServerFrame[],
    mayConsume: (queue: string) => boolean,
  ): void {
    const [role, queue] = client.split('.')[0]!.split('-');
    if (role !== 'w') return;
    for (const frame of frames) {
      if (frame.type !== 'deliver') continue;
      if (!mayConsume(queue!)) this.world.fail('permission', `${client} is given messages of ${queue}`);
      const notes = new Map(frame.notes);
      for (const [i, item] of frame.items.entries()) {
        if (item.kind !== 'message') continue;
        const delivery = `${process} ${client} ${frame.queue} ${frame.firstTag + i}`;
        this.send(
          queue as WorkQueue,
          item.payload as string,
          delivery,
          notes.get(i)?.redelivered !== undefined,
        );
      }
    }
  }

  ack(queue: WorkQueue, id: string): void {
    this[queue].acked.add(id);
  }

  /** Confirmed messages that nobody has worked off yet. */
  get owed(): string[] {
    const isDone = (id: string): boolean => this.jobs.acked.has(id) || this.graves.acked.has(id);
    return [...this.confirmed].filter((id) => !isDone(id));
  }

  /** @param process the hub that runs to the end; `routed` what its books say of each durable queue */
  checkEnd(process: number, routed: { readonly jobs: number; readonly graves: number }): void {
    const { world, owed } = this;
    if (owed.length > 0) world.fail('lost', `${owed.length} confirmed and gone: ${owed.slice(0, 5)}`);
    for (const queue of ['jobs', 'graves'] as const) {
      const distinct = this[queue].handed.size;
      if (distinct !== routed[queue])
        world.fail('books', `${queue} has booked ${routed[queue]} messages, and handed out ${distinct}`);
    }
    for (const [id, number] of this.tookFast) {
      if (number === process && !this.fast.acked.has(id)) world.fail('lost', `${id} is gone from fast`);
    }
  }
}
