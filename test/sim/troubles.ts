/**
 * Trouble, of every kind that a run has: connections, pages, hub processes and subscribers, at random times.
 */
import type { Application } from './application.ts';
import type { Wire } from './network.ts';
import type { Random } from './random.ts';
import { Reroutes } from './reroutes.ts';
import type { Scenario } from './scenario.ts';
import { TROUBLES, type Trouble } from './settings.ts';
import type { Simulation } from './simulation.ts';

export class Troubles {
  readonly #random: Random;
  readonly #reroutes: Reroutes;

  constructor(
    private readonly simulation: Simulation,
    private readonly scenario: Scenario,
  ) {
    this.#random = simulation.random;
    this.#reroutes = new Reroutes(simulation);
  }

  /** Trouble comes, and goes on coming. */
  begin(): void {
    const { world, settings } = this.simulation;
    if (settings.troubles.length === 0) return;
    world.after(this.#random.next() * 2 * settings.meanTroubleMs, 'trouble', () => {
      if (!this.scenario.isChaos) return;
      const trouble = this.#random.weighted(settings.troubles.map((t) => [TROUBLES[t], t] as const));
      const application = this.#random.pick([...this.simulation.running.values()]);
      if (application) this.#make(trouble, application);
      this.begin();
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
        this.scenario.replace(application, trouble === 'client-crash' ? 'crash' : 'close');
        return;
      case 'subscribe': {
        if (application.readers.filter((r) => !r.isOver).length >= 4) return;
        const { options, manner } = this.scenario.newSubscription();
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
        if (reader) this.scenario.setPrefetch(reader, this.#random.int(1, 20));
        return;
      case 'burst':
        this.#burst();
        return;
      case 'clock-step': {
        const { wallMs } = simulation.hub;
        simulation.wallStepMs += this.#random.int(-5_000, 5_000) * this.#random.pick([1, 1, 1, 720]);
        simulation.guards.clockSet(wallMs);
        simulation.reach('clock set');
        return;
      }
      case 'wake':
        surroundings.wake();
        return;
      case 'disk-stall':
        simulation.disk?.stall();
        this.#after(50, 2_000, () => simulation.disk?.resume());
        return;
      case 'power-cut':
        // In the midst of much that is on its way to the disk.
        simulation.disk?.stall();
        this.#burst();
        this.#after(5, 300, () => this.#killHub());
        return;
      case 'worker-kill':
      case 'worker-cut':
        simulation.crew?.killSomebody(trouble);
        return;
      case 'grant':
      case 'narrow':
      case 'close-session':
      case 'revoke-subject':
      case 'no-tokens':
        simulation.guards.make(trouble, application);
        return;
      default:
        this.#reroutes.make(trouble, application, reader);
    }
  }

  #after(fromMs: number, toMs: number, run: () => void): void {
    this.simulation.world.after(this.#random.int(fromMs, toMs), 'trouble ends', () => {
      if (this.scenario.isChaos) run();
    });
  }

  #burst(): void {
    for (let i = this.#random.int(5, 40); i > 0; i--)
      this.scenario.publish(this.#random.pick(this.scenario.publishers));
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
