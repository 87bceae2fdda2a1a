/**
 * Work on named queues, beside everything else of a run: publishers, and workers that compete, fail, die and are hired again.
 *
 *     publishers ─► orders (durable) ─► jobs (durable) ─► workers ─ reject, too many nacks ─► dead ─► graves ─► workers
 *                              └─► fast (in memory) ─► workers
 */
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';
import { WORK_QUEUES, WorkAccount, type WorkQueue } from './work-account.ts';
import { Worker, type WorkManner } from './worker.ts';

const PUBLISHERS = ['wp1', 'wp2'];
const HIRED: readonly WorkQueue[] = ['jobs', 'jobs', 'jobs', 'graves', 'fast'];

export class Crew {
  readonly account: WorkAccount;
  /** Those that work or publish now, by name of their client. */
  readonly workers = new Map<string, Worker>();
  /** Answers to publishes that are still to come. */
  private pending = 0;
  private isChaos = true;
  private instances = 0;
  private comings = 0;
  private readonly random: Random;
  private readonly numbers = new Map<string, number>();

  constructor(private readonly simulation: Simulation) {
    this.random = simulation.world.random.fork('crew');
    this.account = new WorkAccount(simulation.world);
  }

  begin(): void {
    for (const name of PUBLISHERS) this.launch(name, async () => this.publishLater(name));
    for (const queue of HIRED) this.hire(queue);
  }

  /** One of the workers, or another connection of theirs, comes to an end. */
  killSomebody(how: 'worker-kill' | 'worker-cut'): void {
    const worker = this.random.pick([...this.workers.values()]);
    if (!worker) return;
    if (how === 'worker-cut') {
      for (const wire of this.simulation.network.of(worker.name))
        wire.end.link.cut(this.random.pick(['lost', 'delivered']));
    } else if (worker.queue) {
      this.simulation.reach('worker killed');
      this.leave(worker);
      worker.die(this.simulation.network);
    }
  }

  /** From now on everything is worked off at once. */
  calm(): void {
    this.isChaos = false;
    for (const worker of this.workers.values()) worker.isCalm = true;
  }

  get isQuiet(): boolean {
    const { hub } = this.simulation;
    if (this.pending > 0 || this.comings > 0 || this.workers.size < HIRED.length + PUBLISHERS.length)
      return false;
    if ([...this.workers.values()].some(({ isAtWork }) => !isAtWork)) return false;
    const queues = [...hub.insides.context.namedQueues.values()];
    return queues.length === WORK_QUEUES.length && queues.every(({ state }) => state.messages === 0);
  }

  get unrest(): string {
    const { namedQueues } = this.simulation.hub.insides.context;
    const queues = [...namedQueues.values()].map(({ name, state }) => `${name} ${state.messages}`);
    const idle = [...this.workers.values()].filter(({ isAtWork }) => !isAtWork).map(({ name }) => name);
    return `${this.pending} work publishes pending, ${this.comings} to come, ${queues}, idle: ${idle}`;
  }

  check(): void {
    const { account, simulation } = this;
    const { list } = simulation.hub.hub.stats().namedQueues;
    const routed = (name: string): number => list.find((one) => one.name === name)?.ledger.routed ?? 0;
    simulation.reach(account.graves.handed.size > 0 ? 'dead letters' : 'no dead letters');
    if ([...account.jobs.handed.values()].some((times) => times > 1)) simulation.reach('redelivered');
    account.checkEnd(simulation.hub.number, { jobs: routed('jobs'), graves: routed('graves') });
    for (const id of account.confirmed) {
      // As a dead letter it stands in the log once more.
      const stored = simulation.truth.ofPayload(id).filter(({ exchange }) => exchange === 'orders');
      if (stored.length !== 1)
        simulation.world.fail('lost', `${id} is confirmed, and stands ${stored.length} times`);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close()));
  }

  private hire(queue: WorkQueue): void {
    const manner: WorkManner = {
      queue,
      slowMs: this.random.pick([0, 10, 200]),
      prefetch: this.random.pick([1, 3, 20]),
      onLost: this.random.pick(['keep', 'requeue']),
      badLuck: queue === 'jobs' ? this.random.pick([0, 0.1, 0.3]) : 0,
    };
    this.launch(`w-${queue}`, (worker) => worker.work(manner), queue);
  }

  private launch(subject: string, ready: (worker: Worker) => Promise<void>, queue?: WorkQueue): void {
    const { world, network, guards } = this.simulation;
    const name = `${subject}.${++this.instances}`;
    const worker = new Worker(name, queue, world, network, this.account, guards);
    worker.isCalm = !this.isChaos;
    this.workers.set(name, worker);
    // It may do its work no more: somebody else is sent, and may not either, for a while.
    worker.onForbidden = () => {
      this.simulation.reach('consumer forbidden');
      this.leave(worker);
      void worker.close();
    };
    worker
      .start()
      .then(() => ready(worker))
      .then(() => {
        worker.isAtWork = true;
      })
      .catch((error: unknown) => worker.failed(error));
  }

  private leave(worker: Worker): void {
    if (!this.workers.delete(worker.name)) return;
    const { queue } = worker;
    const [subject = ''] = worker.name.split('.');
    this.comings++;
    this.simulation.world.after(this.random.pick([50, 500]), 'worker comes', () => {
      this.comings--;
      if (queue) this.hire(queue);
      // Who publishes was stopped on its way in: to declare a queue with dead letters takes the permission to consume.
      else this.launch(subject, async () => this.publishLater(subject));
    });
  }

  private publishLater(subject: string): void {
    this.simulation.world.after(this.random.int(0, 300), 'publish work', () => {
      if (!this.isChaos) return;
      this.publish(subject);
      this.publishLater(subject);
    });
  }

  private publish(subject: string): void {
    const hub = [...this.workers.values()].find(({ name }) => name.startsWith(`${subject}.`))?.hub;
    if (!hub) return;
    const number = (this.numbers.get(subject) ?? 0) + 1;
    this.numbers.set(subject, number);
    const id = `${subject}/${number}`;
    this.pending++;
    hub.publish('orders', this.random.pick(['fast.a', 'slow.b']), id).then(
      ({ queues }) => {
        this.pending--;
        // The hub that took it may be gone by the time its confirm is heard.
        const taken = this.simulation.truth.ofPayload(id).find(({ exchange }) => exchange === 'orders');
        this.account.confirm(id, taken?.process ?? 0, queues?.took);
      },
      (error: { name: string }) => {
        this.pending--;
        this.simulation.reach(`work refused ${error.name}`);
      },
    );
  }
}
