/**
 * What happens in a run: applications come up and publish, trouble comes at random, then everything heals, drains
 * and is held to account; at last everybody leaves.
 *
 *     chaos (5 – 18 s) ─► heal ─► drained ─► accounts ─► all close ─► baseline
 */
import { parseCursor } from '@ringhub/protocol';
import type { Application, PublishWish } from './application.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';
import { Troubles } from './troubles.ts';
import { drawDeclaration, drawListening, drawManner, drawOptions, drawPublish, PASSING } from './wishes.ts';

/** How long a healed network may take to drain. */
const DRAIN_MS = 120_000;
/** How long nothing may happen then: heartbeats and late acks find nothing to do. */
const QUIET_MS = 5_000;
const LEAVE_MS = 30_000;

export class Scenario {
  readonly #random: Random;
  readonly publishers: string[] = [];
  readonly #subjects: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #last = new Map<string, PublishWish>();
  isChaos = true;

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.random;
    const { publishers, subscribers } = simulation.settings;
    for (let i = 1; i <= publishers; i++) this.publishers.push(`p${i}`);
    for (let i = 1; i <= subscribers; i++) this.#subjects.push(`s${i}`);
  }

  async play(share: number): Promise<void> {
    const { world, settings } = this.simulation;
    // Its connection and a publish of it may both tell.
    this.simulation.onShutOut = (application) => {
      if (!application.isOver) this.replace(application, 'crash');
    };
    for (const subject of this.publishers) {
      this.#start(subject, [], ({ hub }) => {
        if (!settings.isRerouted || subject !== 'p1') return;
        for (const name of PASSING)
          hub?.declareExchange(name, drawDeclaration(this.#random, settings.isDurable)).catch(() => {});
      });
    }
    for (const subject of this.#subjects) {
      const count = this.#random.int(1, 2);
      world.after(this.#random.int(0, 2_000), 'arrival', () =>
        this.#start(subject, this.#newSubscriptions(count)),
      );
    }
    for (const subject of this.publishers) this.#publishLater(subject);
    for (let i = settings.followers; i > 0; i--) {
      const { options, slowMs } = drawListening(this.#random, settings.slowHandlerMs, settings.isDurable);
      world.after(this.#random.int(0, 2_000), 'arrival', () => this.simulation.follow(options, slowMs));
    }
    this.simulation.crew?.begin();
    new Troubles(this.simulation, this).begin();
    await world.run(() => false, settings.chaosMs * share);
    await this.#drain();
    await this.#leave();
  }

  async #drain(): Promise<void> {
    const { simulation } = this;
    const { world, network } = simulation;
    this.isChaos = false;
    world.note('heal');
    network.blocked.clear();
    simulation.unlucky.clear();
    simulation.calmNetwork();
    if (!simulation.hub.isAlive) simulation.startHub();
    for (const wire of network.wires) {
      wire.end.link.unstall('client');
      wire.end.link.unstall('hub');
    }
    simulation.isCalm = true;
    for (const follower of simulation.followers) follower.isCalm = true;
    simulation.disk?.resume();
    simulation.guards.calm();
    simulation.crew?.calm();
    for (const application of simulation.running.values()) {
      application.isCalm = true;
      application.surroundings.thaw(true);
      for (const reader of [...application.paused]) application.setPaused(reader, false);
      for (const reader of application.readers) this.setPrefetch(reader, 1);
    }
    // A connection that is half open may look quiet until its heartbeat fails.
    const endMs = world.nowMs + DRAIN_MS;
    const quietMs = Math.max(QUIET_MS, this.simulation.settings.limits.deadMs + 500);
    do {
      await world.run(() => simulation.balance.isQuiet, endMs - world.nowMs);
      await world.run(() => false, quietMs);
    } while (!simulation.balance.isQuiet && world.nowMs < endMs);
    if (!simulation.balance.isQuiet) world.fail('drained', simulation.balance.unrest);
    simulation.balance.checkAccounts();
    if (world.violation) throw world.violation;
  }

  async #leave(): Promise<void> {
    const { world, running, network, settings } = this.simulation;
    for (const follower of this.simulation.followers) follower.leave();
    let left = 0;
    for (const application of running.values()) void application.close().then(() => left++);
    void this.simulation.crew?.close();
    const isEmpty = (): boolean => left === running.size && network.wires.size === 0;
    await world.run(isEmpty, LEAVE_MS);
    // A session whose bye was lost is there until its resume window is over.
    const { deadMs, resumeWindowMs } = settings.limits;
    await world.run(() => false, deadMs + resumeWindowMs + 5_000);
    if (left < running.size) world.fail('baseline', `only ${left} of ${running.size} have closed`);
    this.simulation.balance.checkBaseline();
    if (world.violation) throw world.violation;
  }

  // ── applications ──

  #start(
    subject: string,
    subscriptions: ReturnType<Scenario['newSubscription']>[],
    first: (application: Application) => void = () => {},
  ): void {
    this.simulation.launch(subject, (application) => {
      first(application);
      if (!this.isChaos) application.isCalm = true;
      for (const { options, manner } of subscriptions) void application.subscribe(options, manner);
    });
  }

  newSubscription() {
    const { settings, world } = this.simulation;
    const options = drawOptions(this.#random, 1_700_000_000_000 + world.nowMs, settings);
    return { options, manner: drawManner(this.#random, settings.slowHandlerMs) };
  }

  #newSubscriptions(count: number) {
    return Array.from({ length: count }, () => this.newSubscription());
  }

  /** Ends an application's run and begins its next one from the cursors of this one. */
  replace(application: Application, how: 'crash' | 'close'): void {
    const { world } = this.simulation;
    const subscriptions = application.readers
      .filter((r) => !r.isOver && r.subscription)
      .map((reader) => {
        const cursor = reader.subscription!.cursor;
        reader.checkCursor(cursor);
        const isFirst = cursor === null || parseCursor(cursor)?.length === 0;
        const bindings = reader.wishes.bindings;
        const options = { ...reader.options, bindings, ...(isFirst ? {} : { since: { cursor } }) };
        return { options, manner: application.manners.get(reader)! };
      });
    world.note(`${application.name} ${how}`);
    if (how === 'crash') {
      const wires = this.simulation.network.of(application.name);
      application.crash();
      for (const wire of wires) wire.end.link.cut('delivered');
    } else {
      void application.close();
    }
    const again = (): void => this.#start(application.subject, subscriptions);
    world.after(this.#random.pick([0, 100, 3_000]), 'comeback', again);
  }

  #publishLater(subject: string): void {
    const { world, settings } = this.simulation;
    world.after(this.#random.next() * 2 * settings.meanPublishMs, 'publish', () => {
      if (!this.isChaos) return;
      this.publish(subject);
      this.#publishLater(subject);
    });
  }

  publish(subject: string): void {
    const { running, settings } = this.simulation;
    const application = running.get(subject);
    if (!application?.hub || application.isOver) return;
    const number = (this.#numbers.get(subject) ?? 0) + 1;
    this.#numbers.set(subject, number);
    const before = this.#last.get(subject);
    const isRepeat = before?.id !== undefined && this.#random.chance(0.15);
    const wish = isRepeat ? before : drawPublish(this.#random, `${subject}/${number}`, settings);
    this.#last.set(subject, wish);
    application.publish(number, wish);
  }

  setPrefetch(reader: Application['readers'][number], atLeast: number): void {
    reader.subscription?.setPrefetch(Math.max(1, atLeast)).catch(() => {});
  }
}
