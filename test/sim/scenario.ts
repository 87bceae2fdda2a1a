/**
 * What happens in a run: applications come up and publish, trouble comes at random, then everything heals, drains
 * and is held to account; at last everybody leaves.
 *
 *     chaos (5 – 18 s) ─► heal ─► drained ─► accounts ─► all close ─► baseline
 */
import { parseCursor } from '@ringhub/protocol';
import type { Application, PublishWish } from './application.ts';
import type { Wire } from './network.ts';
import type { Random } from './random.ts';
import { TROUBLES, type Trouble } from './settings.ts';
import type { Simulation } from './simulation.ts';
import { drawManner, drawOptions, drawPublish } from './wishes.ts';

/** How long a healed network may take to drain. */
const DRAIN_MS = 120_000;
/** How long nothing may happen then: heartbeats and late acks find nothing to do. */
const QUIET_MS = 5_000;
const LEAVE_MS = 30_000;

export class Scenario {
  readonly #random: Random;
  readonly #publishers: string[] = [];
  readonly #subjects: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #last = new Map<string, PublishWish>();
  #isChaos = true;

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.random;
    const { publishers, subscribers } = simulation.settings;
    for (let i = 1; i <= publishers; i++) this.#publishers.push(`p${i}`);
    for (let i = 1; i <= subscribers; i++) this.#subjects.push(`s${i}`);
  }

  async play(): Promise<void> {
    const { world, settings } = this.simulation;
    for (const subject of this.#publishers) this.#start(subject, []);
    for (const subject of this.#subjects) {
      const count = this.#random.int(1, 2);
      world.after(this.#random.int(0, 2_000), 'arrival', () =>
        this.#start(subject, this.#newSubscriptions(count)),
      );
    }
    for (const subject of this.#publishers) this.#publishLater(subject);
    this.#troubleLater();
    await world.run(() => false, settings.chaosMs);
    await this.#drain();
    await this.#leave();
  }

  async #drain(): Promise<void> {
    const { simulation } = this;
    const { world, network } = simulation;
    this.#isChaos = false;
    world.note('heal');
    network.blocked.clear();
    simulation.unlucky.clear();
    simulation.calmNetwork();
    if (!simulation.hub.isAlive) simulation.startHub();
    for (const wire of network.wires) {
      wire.end.link.unstall('client');
      wire.end.link.unstall('hub');
    }
    for (const application of simulation.running.values()) {
      application.isCalm = true;
      application.surroundings.thaw(true);
      for (const reader of [...application.paused]) application.setPaused(reader, false);
      for (const reader of application.readers) this.#setPrefetch(reader, 1);
    }
    // A connection that is half open may look quiet until its heartbeat fails.
    const endMs = world.nowMs + DRAIN_MS;
    do {
      await world.run(() => simulation.isQuiet, endMs - world.nowMs);
      await world.run(() => false, QUIET_MS);
    } while (!simulation.isQuiet && world.nowMs < endMs);
    if (!simulation.isQuiet) world.fail('drained', simulation.unrest);
    simulation.checkAccounts();
    if (world.violation) throw world.violation;
  }

  async #leave(): Promise<void> {
    const { world, running, network, settings } = this.simulation;
    let left = 0;
    for (const application of running.values()) void application.close().then(() => left++);
    const isEmpty = (): boolean => left === running.size && network.wires.size === 0;
    await world.run(isEmpty, LEAVE_MS);
    // A session whose bye was lost is there until its resume window is over.
    const { deadMs, resumeWindowMs } = settings.limits;
    await world.run(() => false, deadMs + resumeWindowMs + 5_000);
    if (left < running.size) world.fail('baseline', `only ${left} of ${running.size} have closed`);
    this.simulation.checkBaseline();
    if (world.violation) throw world.violation;
  }

  // ── applications ──

  #start(subject: string, subscriptions: ReturnType<Scenario['newSubscription']>[]): void {
    this.simulation.launch(subject, (application) => {
      if (!this.#isChaos) application.isCalm = true;
      for (const { options, manner } of subscriptions) void application.subscribe(options, manner);
    });
  }

  newSubscription() {
    const { settings, world } = this.simulation;
    const options = drawOptions(this.#random, 1_700_000_000_000 + world.nowMs);
    return { options, manner: drawManner(this.#random, settings.slowHandlerMs) };
  }

  #newSubscriptions(count: number) {
    return Array.from({ length: count }, () => this.newSubscription());
  }

  /** Ends an application's run and begins its next one from the cursors of this one. */
  #replace(application: Application, how: 'crash' | 'close'): void {
    const { world } = this.simulation;
    const subscriptions = application.readers
      .filter((r) => !r.isOver && r.subscription)
      .map((reader) => {
        const cursor = reader.subscription!.cursor;
        reader.checkCursor(cursor);
        const isFirst = cursor === null || parseCursor(cursor)?.length === 0;
        const options = isFirst ? reader.options : { ...reader.options, since: { cursor } };
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
      if (!this.#isChaos) return;
      this.#publish(subject);
      this.#publishLater(subject);
    });
  }

  #publish(subject: string): void {
    const { running, settings } = this.simulation;
    const application = running.get(subject);
    if (!application?.hub || application.isOver) return;
    const number = (this.#numbers.get(subject) ?? 0) + 1;
    this.#numbers.set(subject, number);
    const before = this.#last.get(subject);
    const isRepeat = before?.id !== undefined && this.#random.chance(0.15);
    const wish = isRepeat ? before : drawPublish(this.#random, `${subject}/${number}`, settings.payloadBytes);
    this.#last.set(subject, wish);
    application.publish(number, wish);
  }

  // ── trouble ──

  #troubleLater(): void {
    const { world, settings } = this.simulation;
    if (settings.troubles.length === 0) return;
    world.after(this.#random.next() * 2 * settings.meanTroubleMs, 'trouble', () => {
      if (!this.#isChaos) return;
      const trouble = this.#random.weighted(settings.troubles.map((t) => [TROUBLES[t], t] as const));
      const application = this.#random.pick([...this.simulation.running.values()]);
      if (application) this.#make(trouble, application);
      this.#troubleLater();
    });
  }

  #make(trouble: Trouble, application: Application): void {
    const { simulation } = this;
    const { world, network } = simulation;
    const { surroundings, name } = application;
    const wire: Wire | undefined = network.of(name).at(-1);
    const link = wire?.end.link;
    const reader = this.#random.pick(application.readers.filter((r) => !r.isOver && r.subscription));
    world.note(`trouble ${trouble} ${name}`);
    switch (trouble) {
      case 'cut':
        link?.cut('lost');
        return;
      case 'cut-after-delivery':
        link?.cut('delivered');
        return;
      case 'three-cuts':
        this.#cutAgain(name, 3);
        return;
      case 'half-open-client':
        link?.halfOpen('client');
        return;
      case 'half-open-hub':
        link?.halfOpen('hub');
        return;
      case 'half-open-both':
        link?.halfOpen('client');
        link?.halfOpen('hub');
        return;
      case 'stall-client':
      case 'stall-hub': {
        const end = trouble === 'stall-hub' ? 'hub' : 'client';
        link?.stall(end);
        this.#after(100, 6_000, () => {
          if (!surroundings.isAsleep || end === 'hub') link?.unstall(end);
        });
        return;
      }
      case 'slow-network':
        network.latencyMs = this.#random.int(50, 1_500);
        network.jitterMs = this.#random.int(0, 500);
        this.#after(500, 3_000, () => simulation.calmNetwork());
        return;
      case 'lost-welcome':
        simulation.unlucky.add(name);
        link?.cut('lost');
        return;
      case 'blocked-client':
        this.#block(name, 200, 4_000);
        return;
      case 'expired-session':
        this.#block(name, simulation.settings.limits.resumeWindowMs, 25_000);
        return;
      case 'hub-kill':
        this.#killHub();
        return;
      case 'hub-restart':
        if (!simulation.hub.isAlive || simulation.hub.insides.context.draining) return;
        simulation.hub.drain(this.#random.int(0, 1_000), this.#random.int(0, 1_000));
        this.#startHubLater();
        return;
      case 'page-sleep':
        surroundings.freeze();
        this.#after(500, 12_000, () => surroundings.thaw(this.#random.chance(0.7)));
        return;
      case 'client-crash':
      case 'client-close':
        if (!application.hub || application.isOver) return;
        if (trouble === 'client-close' && surroundings.isAsleep) return;
        this.#replace(application, trouble === 'client-crash' ? 'crash' : 'close');
        return;
      case 'subscribe': {
        if (application.readers.filter((r) => !r.isOver).length >= 4) return;
        const { options, manner } = this.newSubscription();
        void application.subscribe(options, manner);
        return;
      }
      case 'unsubscribe':
        if (reader) application.unsubscribe(reader);
        return;
      case 'pause':
        if (!reader) return;
        application.setPaused(reader, true);
        this.#after(100, 3_000, () => {
          if (application.paused.has(reader)) application.setPaused(reader, false);
        });
        return;
      case 'prefetch':
        if (reader) this.#setPrefetch(reader, this.#random.int(1, 20));
        return;
      case 'burst':
        for (let i = this.#random.int(5, 40); i > 0; i--) this.#publish(this.#random.pick(this.#publishers));
        return;
      case 'clock-step':
        simulation.wallStepMs += this.#random.int(-5_000, 5_000);
        return;
      case 'wake':
        surroundings.wake();
        return;
      default:
        trouble satisfies never;
    }
  }

  #setPrefetch(reader: Application['readers'][number], atLeast: number): void {
    reader.subscription?.setPrefetch(Math.max(1, atLeast)).catch(() => {});
  }

  #after(fromMs: number, toMs: number, run: () => void): void {
    this.simulation.world.after(this.#random.int(fromMs, toMs), 'trouble ends', () => {
      if (this.#isChaos) run();
    });
  }

  /** Cuts a client's connection, and the next ones as soon as they are there. */
  #cutAgain(name: string, times: number): void {
    const wire = this.simulation.network.of(name).at(-1);
    wire?.end.link.cut('lost');
    if (times > 1) this.#after(1, 400, () => this.#cutAgain(name, times - 1));
  }

  #block(name: string, fromMs: number, toMs: number): void {
    const { network } = this.simulation;
    network.blocked.set(name, this.#random.pick(['refused', 'silent']));
    for (const wire of network.of(name)) wire.end.link.cut('lost');
    this.#after(fromMs, toMs, () => network.blocked.delete(name));
  }

  #killHub(): void {
    if (!this.simulation.hub.isAlive) return;
    this.simulation.hub.kill();
    this.#startHubLater();
  }

  #startHubLater(): void {
    const { world } = this.simulation;
    const dead = this.simulation.hub;
    world.after(this.#random.int(0, 3_000), 'hub restart', () => {
      if (this.simulation.hub !== dead) return;
      dead.kill();
      this.simulation.startHub();
    });
  }
}
