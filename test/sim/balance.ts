/**
 * The end of a run: whether nothing is under way any more, every account closed, the hub's own figures against what was
 * seen from outside, and nothing left behind.
 */
import type { HubContext } from '../../server/src/hub/context.ts';
import type { Simulation } from './simulation.ts';

export class Balance {
  constructor(private readonly simulation: Simulation) {}

  /** True once nothing is under way any more: all answers are in, all rings are empty, all readers at the head. */
  get isQuiet(): boolean {
    const sim = this.simulation;
    if (sim.publications.pending > 0) return false;
    const { context } = sim.hub.insides;
    if (!sim.hub.isAlive || context.draining) return false;
    for (const application of sim.running.values()) {
      if (application.isOver || application.hub?.state !== 'online') return false;
      for (const reader of application.readers) if (!reader.isOver && !reader.isDrained) return false;
    }
    for (const session of context.sessions.values()) {
      if (!session.link) return false;
      for (const { queue } of session.subscriptions.values()) {
        if (!queue.readers.isLive || queue.hasSomethingToSend || queue.ready.length > 0) return false;
        if (queue.window.unsettled > 0) return false;
      }
    }
    if (sim.followers.some((follower) => !follower.isDrained)) return false;
    if (sim.crew && !sim.crew.isQuiet) return false;
    return context.sessions.size === this.#expectedSessions;
  }

  get #expectedSessions(): number {
    const { running, followers, crew } = this.simulation;
    return running.size + followers.length + (crew?.workers.size ?? 0);
  }

  /** What is not quiet, for a run that does not end. */
  get unrest(): string {
    const sim = this.simulation;
    const parts: string[] = [];
    parts.push(`${sim.publications.pending} publishes pending`);
    for (const a of sim.running.values()) {
      parts.push(`${a.name} ${a.hub?.state ?? 'starting'}${a.isOver ? ' over' : ''}`);
      for (const r of a.readers) if (!r.isOver && !r.subscription) parts.push(`${r.name} is not subscribed`);
    }
    for (const f of sim.followers) if (!f.isDrained) parts.push(`${f.name} is not drained`);
    for (const session of sim.hub.insides.context.sessions.values()) {
      for (const { queue } of session.subscriptions.values()) {
        const { ready, window, prefetch } = queue;
        const phases = queue.readers.all.map(({ log, phase }) => `${log} ${phase}`);
        parts.push(
          `queue ${queue.id} ${session.principal.subject} ${session.state}: ${phases}, ${ready.length} ready, ` +
            `${window.unsettled} unsettled of ${prefetch}, sent ${window.sentTag}/${window.lastTag}`,
        );
      }
    }
    if (sim.crew) parts.push(sim.crew.unrest);
    parts.push(
      `${sim.hub.insides.context.sessions.size} sessions, hub ${sim.hub.isAlive ? 'alive' : 'dead'}`,
    );
    return parts.join('; ');
  }

  /** With everything drained: every promise, and the hub's own figures against what was seen from outside. */
  checkAccounts(): void {
    const sim = this.simulation;
    sim.watch.checkFed();
    sim.watch.check();
    sim.publications.check();
    for (const reader of sim.readers) {
      reader.check();
      reader.checkCursor(reader.subscription!.cursor);
    }
    for (const follower of sim.followers) follower.check();
    sim.crew?.check();
    const stats = sim.hub.hub.stats();
    const told = sim.wires.toldBy(sim.hub.number);
    const same = (what: string, seen: number, said: number): void => {
      if (seen !== said) sim.world.fail('stats', `${what}: ${seen} seen, ${said} said`);
    };
    same('publishes taken', sim.watch.fed, stats.publishes.taken);
    same('deliveries', told.deliveries, stats.deliveries);
    same('gaps', told.gaps, stats.gaps);
    // A connection that ended in the turn of its hello never got its welcome.
    const { resumed, lost } = stats.resumes;
    if (resumed < told.resumed || lost < told.lost) {
      sim.world.fail(
        'stats',
        `${told.resumed} resumed and ${told.lost} lost seen, ${resumed} and ${lost} said`,
      );
    }
    same('sessions', this.#expectedSessions, stats.sessions.attached);
    same('queues', sim.readers.length + sim.followers.length, stats.queues);
    same('ready', 0, stats.ledger.ready);
    same('inflight', 0, stats.ledger.inflight);
    same('residual', 0, stats.ledger.residual);
  }

  /** With everybody gone: nothing is left behind. */
  checkBaseline(): void {
    const sim = this.simulation;
    const { context } = sim.hub.insides;
    const left: Record<string, number> = {
      'held bytes': context.budget.heldBytes,
      sessions: context.sessions.size,
      'parked sessions': sim.hub.insides.sessions.parkedCount,
      bindings: context.bindings - context.exchanges.exchangeBindingCount - queueBindings(context),
      connections: (sim.hub.gateway as unknown as { connections: Set<unknown> }).connections.size,
      wires: sim.network.wires.size,
    };
    for (const { state } of context.namedQueues.values()) left['messages of queues'] = state.messages;
    for (const { name, table } of context.exchanges) left[`bindings of ${name}`] = table.bindingCount;
    for (const application of sim.applications.values()) {
      if (!application.surroundings.isDead) {
        left[`timers of ${application.name}`] = sim.world.pending(`timer of ${application.name}`);
      }
    }
    for (const { id, client, end } of sim.network.wires) {
      sim.world.note(`wire ${id} of ${client} is left, in state ${end.readyState}`);
    }
    for (const [what, count] of Object.entries(left)) {
      if (count !== 0) sim.world.fail('baseline', `${count} ${what} are left`);
    }
  }
}

/** Those that lead to named queues, but for the default exchange's. */
export function queueBindings({ namedQueues }: HubContext): number {
  let count = 0;
  for (const { bindings } of namedQueues.values()) count += bindings.length - 1;
  return count;
}
