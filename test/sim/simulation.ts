/**
 * One run, whole: hub processes one after another, applications, the network between them, and every account.
 *
 *   applications (real SDK) ── network, tapped ── hub process (real gateway, hub, engine)
 *        │ handed, settled         │ frames             │ taken, subscribed
 *        ▼                         ▼                    ▼
 *      Reader ◄────────────── QueueAccount ◄────────── Truth          StepChecks: after every step
 *
 * What is seen on the way is passed on by WireWatch and HubWatch; Balance closes the accounts.
 */
import type { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { Application } from './application.ts';
import { Balance } from './balance.ts';
import { Crew } from './crew.ts';
import { DiskBook } from './disk-book.ts';
import type { Fault } from './faults.ts';
import { Follower } from './follower.ts';
import { Guards } from './guards.ts';
import { HubProcess } from './hub-process.ts';
import { HubWatch } from './hub-watch.ts';
import { Network } from './network.ts';
import { Permits } from './permits.ts';
import { Publications } from './publications.ts';
import type { QueueAccount } from './queue-account.ts';
import type { Random } from './random.ts';
import type { Reader } from './reader.ts';
import { drawSettings, type Settings } from './settings.ts';
import { simulatedDisk } from './simulated-disk.ts';
import { StepChecks } from './step-checks.ts';
import { DISK_EPOCH, Truth } from './truth.ts';
import { WireWatch } from './wire-watch.ts';
import { PASSING } from './wishes.ts';
import { World } from './world.ts';

/** How often queues are held against the truth between steps; always when they end. */
const QUEUE_CHECK_EVERY = 61;

export class Simulation {
  readonly world: World;
  readonly random: Random;
  readonly settings: Settings;
  readonly truth = new Truth();
  readonly permits = new Permits();
  readonly guards: Guards;
  /** Workers on named queues, where there are any. */
  readonly crew: Crew | undefined;
  readonly network: Network;
  readonly publications: Publications;
  /** Applications that run now, by subject. */
  readonly running = new Map<string, Application>();
  /** Clients whose next welcome is lost with its connection. */
  readonly unlucky = new Set<string>();
  /** Those who read event streams. */
  readonly followers: Follower[] = [];
  /** All that ever ran, by name. */
  readonly applications = new Map<string, Application>();
  readonly wires: WireWatch;
  readonly balance: Balance;
  hub!: HubProcess;
  wallStepMs = 0;
  /** Whoever comes now finds no trouble any more. */
  isCalm = false;
  /** Called when a client has given up for want of a token that is good. */
  onShutOut: (application: Application) => void = () => {};
  /** How often something worth reaching was reached: reasons of gaps, closes, errors, kinds of resume. */
  readonly reached = new Map<string, number>();

  /** Of all hub processes, where there is one. */
  readonly disk: MemoryDisk | undefined;

  readonly #book = new DiskBook();
  readonly #watches = new Map<number, HubWatch>();
  readonly #checks: StepChecks;

  constructor(
    seed: number,
    private readonly fault: Fault | undefined,
  ) {
    this.world = new World(seed);
    this.random = this.world.random.fork('scenario');
    this.settings = drawSettings(this.world.random.fork('settings'));
    if (this.settings.isDurable) {
      this.truth.begin(DISK_EPOCH);
      this.disk = simulatedDisk(this.world, this.settings.syncMs);
      this.fault?.disk?.(this.disk, this);
    }
    this.network = new Network(this.world);
    this.wires = new WireWatch(this);
    this.balance = new Balance(this);
    this.guards = new Guards(this);
    this.crew = this.settings.hasCrew ? new Crew(this) : undefined;
    this.network.tap = this.wires;
    this.calmNetwork();
    this.publications = new Publications(
      this.world,
      this.truth,
      ({ exchange }) => this.settings.isGuarded || PASSING.includes(exchange as 'y.1'),
    );
    this.#checks = new StepChecks(this.world);
    this.world.onStep = () => this.#step();
    this.startHub();
  }

  calmNetwork(): void {
    this.network.latencyMs = this.settings.latencyMs;
    this.network.jitterMs = this.settings.jitterMs;
  }

  // ── hub processes ──

  startHub(): void {
    const number = (this.hub?.number ?? 0) + 1;
    this.#book.isTorn = (this.disk?.torn.length ?? 0) > 0;
    const settings = { ...this.settings, disk: this.disk, permits: this.permits };
    this.hub = new HubProcess(number, this.world, this.network, settings, () => this.wallStepMs, {
      engine: (process) => {
        this.fault?.engine?.(process, this);
        const watch = new HubWatch(this.world, this.truth, process, this.#book, this.permits, (what) =>
          this.reach(what),
        );
        watch.onQueue = ({ subscription }) => this.fault?.queue?.(subscription.queue, this);
        this.#watches.set(number, watch);
      },
      hub: (process) => {
        this.#watches.get(number)!.watchHub();
        this.fault?.hub?.(process, this);
      },
    });
  }

  /** Of the hub that runs now. */
  get watch(): HubWatch {
    return this.#watches.get(this.hub.number)!;
  }

  account(process: number, queue: number): QueueAccount | undefined {
    return this.#watches.get(process)?.accounts.get(queue);
  }

  reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  // ── applications ──

  /** Starts an application, or its next run. */
  launch(subject: string, ready: (application: Application) => void): Application {
    const instance = (this.running.get(subject)?.instance ?? 0) + 1;
    const application = new Application(
      this.world,
      this.truth,
      this.publications,
      this.network,
      subject,
      instance,
      {
        ...this.settings,
        tokenFor: (...asked) => this.guards.tokenFor(...asked),
        isRevoked: (one) => this.guards.isRevoked(one),
        onShutOut: (one) => this.world.after(0, 'shut out', () => this.onShutOut(one)),
      },
      (reader) => this.fault?.reader?.(reader, this),
    );
    this.running.set(subject, application);
    this.applications.set(application.name, application);
    void application.start(() => ready(application));
    return application;
  }

  /** Somebody begins to read an event stream. */
  follow(options: Follower['options'], slowMs: number): void {
    const follower = new Follower(this, `f${this.followers.length + 1}`, options, slowMs);
    this.fault?.follower?.(follower, this);
    follower.isCalm = this.isCalm;
    this.followers.push(follower);
    follower.connect();
  }

  get readers(): Reader[] {
    return [...this.running.values()].flatMap((a) => a.readers).filter((r) => !r.isOver && r.subscription);
  }

  // ── checks ──

  #step(): void {
    for (const { name, openPublishes } of this.running.values()) {
      if (openPublishes > this.settings.outboxMessages) {
        this.world.fail('bound', `${name} has ${openPublishes} publishes open`);
      }
    }
    for (const follower of this.followers) follower.step();
    if (!this.hub.isAlive) return;
    // With many sessions, not after each step.
    const { size } = this.hub.insides.context.sessions;
    if (this.world.steps % (1 + (size >> 4)) === 0) this.#checks.check(this.hub);
    if (size >= 200) this.reached.set('hundreds of sessions', size);
    if (this.world.steps % QUEUE_CHECK_EVERY === 0) this.watch.check();
  }
}
