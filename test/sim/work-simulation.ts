/**
 * One run with a disk and named queues: hub processes one after another on a disk that loses what was not synced, workers
 * that compete, fail and die, publishers, and a subscription that must miss nothing.
 *
 *     publishers ─► orders (durable) ─► jobs (durable) ─► workers ─ reject, too many nacks ─► dead ─► graves ─► workers
 *                        │  └─► fast (in memory) ─► workers
 *                        └─► a subscription
 */

import { NODE_LIMITS } from '../../server/src/core/limits.ts';
import type { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { HubProcess } from './hub-process.ts';
import { Network } from './network.ts';
import { Permits } from './permits.ts';
import type { Random } from './random.ts';
import { simulatedDisk } from './simulated-disk.ts';
import { WorkAccount, type WorkQueue } from './work-account.ts';
import type { WorkFault } from './work-faults.ts';
import { Worker, type WorkManner } from './worker.ts';
import { Violation, World } from './world.ts';

const DRAIN_MS = 60_000;
const PUBLISHERS = ['p1', 'p2'];

export interface WorkOutcome {
  readonly seed: number;
  readonly hash: string;
  readonly steps: number;
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
  readonly reached: ReadonlyMap<string, number>;
}

export class WorkSimulation {
  readonly world: World;
  readonly account: WorkAccount;
  readonly network: Network;
  readonly reached = new Map<string, number>();
  private readonly random: Random;
  private readonly disk: MemoryDisk;
  private readonly workers = new Map<string, Worker>();
  private readonly troubles: readonly (() => void)[];
  private hub!: HubProcess;
  private isChaos = true;
  private instances = 0;
  private readonly numbers = new Map<string, number>();

  constructor(
    seed: number,
    private readonly fault: WorkFault | undefined,
  ) {
    this.world = new World(seed);
    this.random = this.world.random.fork('work');
    this.account = new WorkAccount(this.world);
    this.network = new Network(this.world);
    this.network.tap = {
      clientSent() {},
      clientReceived() {},
      hubReceived() {},
      hubSent: ({ client, process }, frames) => this.account.hear(client, process, frames),
      hubClosed() {},
    };
    this.network.latencyMs = this.random.pick([0, 1, 10]);
    this.network.jitterMs = this.random.pick([0, 5]);
    const syncMs = this.random.pick([0, 2, 20]);
    this.disk = simulatedDisk(this.world, syncMs);
    const troubles: [() => void, number][] = [
      [() => this.killHub(), 0.6],
      [() => this.restartHub(), 0.3],
      [() => this.stallDisk(), 0.4],
      [() => this.killWorker(), 0.7],
      [() => this.cutWire(), 0.7],
    ];
    this.troubles = troubles.filter(([, share]) => this.random.chance(share)).map(([trouble]) => trouble);
    this.world.onStep = () => this.step();
    this.startHub();
  }

  async play(): Promise<void> {
    const { world, account } = this;
    const reader = this.launch('reader', async (worker, hub) => {
      const options = { overflow: 'catch-up', capacity: 20 } as const;
      await hub.subscribe('orders', '#', options, (event) => {
        if (event.kind === 'message') account.show(event.data as string);
        else if (event.kind === 'gap') world.fail('shown', `the subscription has a gap: ${event.reason}`);
      });
      worker.isCalm = true;
      for (const name of PUBLISHERS) this.launch(name, async () => this.publishLater(name));
      for (const queue of ['jobs', 'jobs', 'jobs', 'graves', 'fast'] as const) this.hire(queue);
      this.troubleLater();
    });
    await world.run(() => false, this.random.pick([1_500, 3_000]));
    await this.heal();
    for (const worker of [...this.workers.values()]) void worker.close();
    await world.run(() => this.network.wires.size === 0, 10_000);
    if (!reader.isOver) world.fail('drained', 'the reader did not close');
    this.hub.kill();
    if (world.violation) throw world.violation;
  }

  // ── the hub and its disk ──

  private startHub(): void {
    const number = (this.hub?.number ?? 0) + 1;
    const settings = {
      limits: {
        ...NODE_LIMITS,
        heartbeatMs: 1_000,
        deadMs: 2_500,
        helloTimeoutMs: 2_000,
        resumeWindowMs: this.random.pick([300, 2_000]),
      },
      sessionLimits: {},
      log: { maxMessages: 10_000, maxBytes: 1e8, maxAgeMs: 3_600_000 },
      isAuthLater: false,
      permits: new Permits(),
      disk: this.disk,
    };
    this.hub = new HubProcess(number, this.world, this.network, settings, () => 0, {
      engine: (process) => this.fault?.engine?.(process),
      hub: () => {},
    });
  }

  private killHub(): void {
    if (!this.hub.isAlive) return;
    this.reach('hub killed');
    this.hub.kill();
    this.disk.crash(() => this.random.chance(0.5));
    const { hub } = this;
    this.world.after(this.random.pick([50, 400]), 'hub again', () => {
      if (this.hub === hub) this.startHub();
    });
  }

  private restartHub(): void {
    if (!this.hub.isOpen) return;
    this.reach('hub restarted');
    const { hub } = this;
    hub.drain(100, 100);
    const again = (): void => {
      if (this.hub !== hub) return;
      if (hub.isAlive) this.world.after(100, 'hub again', again);
      else {
        this.disk.crash(() => true);
        this.startHub();
      }
    };
    this.world.after(200, 'hub again', again);
  }

  private stallDisk(): void {
    this.reach('disk stalled');
    this.disk.stall();
    this.world.after(this.random.int(50, 800), 'disk goes on', () => this.disk.resume());
  }

  // ── workers and publishers ──

  private launch(
    subject: string,
    ready: (worker: Worker, hub: Awaited<ReturnType<Worker['start']>>) => Promise<void>,
  ): Worker {
    const worker = new Worker(`${subject}.${++this.instances}`, this.world, this.network, this.account);
    worker.isCalm = !this.isChaos;
    this.workers.set(worker.name, worker);
    worker
      .start()
      .then((hub) => ready(worker, hub))
      .catch((error: unknown) => {
        if (!worker.isOver)
          this.world.fail('client-stopped', `${worker.name} did not start: ${String(error)}`);
      });
    return worker;
  }

  private hire(queue: WorkQueue): void {
    const manner: WorkManner = {
      queue,
      slowMs: this.random.pick([0, 10, 200]),
      prefetch: this.random.pick([1, 3, 20]),
      onLost: this.random.pick(['keep', 'requeue']),
      badLuck: queue === 'jobs' ? this.random.pick([0, 0.1, 0.3]) : 0,
    };
    this.launch(`w-${queue}`, (worker) => worker.work(manner));
  }

  private killWorker(): void {
    const worker = this.anyWorker();
    if (!worker?.name.startsWith('w-')) return;
    this.reach('worker killed');
    worker.die(this.network);
    this.workers.delete(worker.name);
    const queue = worker.name.split('.')[0]!.slice(2) as WorkQueue;
    this.world.after(this.random.pick([0, 500]), 'worker comes', () => this.hire(queue));
  }

  private cutWire(): void {
    const worker = this.anyWorker();
    for (const wire of worker ? this.network.of(worker.name) : []) {
      this.reach('connection cut');
      wire.end.link.cut(this.random.pick(['lost', 'delivered']));
    }
  }

  private anyWorker(): Worker | undefined {
    return this.workers.size > 0 ? this.random.pick([...this.workers.values()]) : undefined;
  }

  private publishLater(subject: string): void {
    this.world.after(this.random.int(0, 120), 'publish', () => {
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
    this.account.published++;
    hub.publish('orders', this.random.pick(['fast.a', 'slow.b']), id).then(
      ({ queues }) => this.account.confirm(id, this.hub.number, queues?.took),
      (error: { name: string }) => {
        this.account.unconfirmed++;
        this.reach(`refused ${error.name}`);
      },
    );
  }

  private troubleLater(): void {
    this.world.after(this.random.int(50, 500), 'trouble', () => {
      if (!this.isChaos) return;
      if (this.troubles.length > 0) this.random.pick(this.troubles)();
      this.troubleLater();
    });
  }

  // ── the end ──

  private async heal(): Promise<void> {
    const { world, account } = this;
    this.isChaos = false;
    world.note('heal');
    for (const worker of this.workers.values()) worker.isCalm = true;
    const endMs = world.nowMs + DRAIN_MS;
    do {
      await world.run(() => this.isQuiet, endMs - world.nowMs);
      await world.run(() => false, 1_500);
    } while (!this.isQuiet && world.nowMs < endMs);
    if (!this.isQuiet) {
      const books = JSON.stringify(this.hub.isAlive && this.queuesOf());
      world.fail('drained', `${account.owed.length} owed (${account.owed.slice(0, 5)}); ${books}`);
    }
    this.reach(account.graves.handed.size > 0 ? 'dead letters' : 'no dead letters');
    if ([...account.jobs.handed.values()].some((times) => times > 1)) this.reach('redelivered');
    const { jobs, graves } = this.queuesOf();
    account.checkEnd(this.hub.number, { jobs: jobs!.ledger.routed, graves: graves!.ledger.routed });
    if (world.violation) throw world.violation;
  }

  private queuesOf() {
    const { list } = this.hub.hub.stats().namedQueues;
    return Object.fromEntries(list.map((queue) => [queue.name, queue]));
  }

  private get isQuiet(): boolean {
    if (!this.hub.isOpen) return false;
    const { published, confirmed, unconfirmed } = this.account;
    const queues = [...this.hub.insides.context.namedQueues.values()];
    if (queues.length < 3 || confirmed.size + unconfirmed < published) return false;
    return queues.every(({ state }) => state.messages === 0);
  }

  private step(): void {
    if (!this.hub.isAlive || this.world.steps % 37 !== 0) return;
    for (const { name, state } of this.hub.insides.context.namedQueues.values())
      if (state.residual !== 0) this.world.fail('ledger', `the law of ${name} leaves over ${state.residual}`);
  }

  private reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }
}

export async function playWork(seed: number, fault?: WorkFault): Promise<WorkOutcome> {
  const simulation = new WorkSimulation(seed, fault);
  const { world, reached } = simulation;
  let violation: Violation | undefined;
  try {
    await simulation.play();
  } catch (error) {
    violation =
      world.violation ??
      (error instanceof Violation
        ? error
        : new Violation('no-exceptions', String((error as Error)?.stack ?? error)));
  }
  return { seed, hash: world.hash, steps: world.steps, violation, trace: world.trace, reached };
}
