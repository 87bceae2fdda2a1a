/**
 * What applications do to the routing, and what they read back, while messages flow: exchanges declared and deleted,
 * bindings of queues and between exchanges, pages of history, event streams cut off.
 */
import { bindExchange, deleteExchange, unbindExchange } from '@ringhub/client/admin';
import type { ExchangeOptions } from '@ringhub/protocol';
import type { Application } from './application.ts';
import { readHistory } from './history-walk.ts';
import type { Random } from './random.ts';
import type { Reader } from './reader.ts';
import type { Trouble } from './settings.ts';
import type { Simulation } from './simulation.ts';
import { drawBinding, drawDeclaration, drawExchange, drawPassing } from './wishes.ts';

export class Reroutes {
  readonly #random: Random;

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.random.fork('reroutes');
  }

  make(trouble: Trouble, application: Application, reader: Reader | undefined): void {
    const { hub } = application;
    if (!hub || application.isOver) return;
    const random = this.#random;
    const { router } = this.simulation.watch;
    const { isDurable } = this.simulation.settings;
    switch (trouble) {
      case 'declare':
        application.administer(hub.declareExchange(drawPassing(random), drawDeclaration(random, isDurable)));
        return;
      case 'delete-exchange':
        application.administer(
          deleteExchange(hub, drawPassing(random), random.chance(0.3) ? { ifUnused: true } : {}),
        );
        return;
      case 'redeclare': {
        // As the old one was, or another: nothing of the old one may be seen.
        const name = drawPassing(random);
        const options = router.exchanges.get(name)?.options;
        const declaration = random.chance(0.5) && options ? options : drawDeclaration(random, isDurable);
        application.administer(this.#redeclare(application, name, declaration));
        return;
      }
      case 'bind':
        if (reader) application.rebind(reader, 'bind', drawBinding(random, drawExchange(random, isDurable)));
        return;
      case 'unbind': {
        const bound = reader?.wishes.bindings ?? [];
        if (reader && bound.length > 1) application.rebind(reader, 'unbind', random.pick(bound));
        return;
      }
      case 'link': {
        const [source, ...rest] = drawBinding(random, drawExchange(random, isDurable));
        application.administer(bindExchange(hub, drawExchange(random, isDurable), source, ...rest));
        return;
      }
      case 'unlink': {
        const link = random.pick(router.links);
        if (!link) return;
        const [source, ...rest] = link.spec;
        application.administer(unbindExchange(hub, link.destination.name, source, ...rest));
        return;
      }
      case 'history': {
        const bindings = reader?.wishes.bindings ?? [drawBinding(random, drawExchange(random, isDurable))];
        application.administer(readHistory(this.simulation, application, random, bindings));
        return;
      }
      case 'stream-cut':
        random.pick(this.simulation.followers)?.cut();
        return;
      default:
        throw new Error(`nobody makes ${trouble}`);
    }
  }

  async #redeclare(application: Application, name: string, options: ExchangeOptions): Promise<void> {
    const hub = application.hub!;
    await deleteExchange(hub, name);
    await hub.declareExchange(name, options);
    await readHistory(this.simulation, application, this.#random, [[name, '#']]);
  }
}
