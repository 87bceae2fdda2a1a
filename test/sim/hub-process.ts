/**
 * One life of the hub: the real gateway, hub and embedded engine, on the world's clock, until it is killed. A dead
 * process does nothing any more, whatever still calls it.
 */

import type { NodeLimits, SessionLimits } from '../../server/src/core/limits.ts';
import type { LogLimits } from '../../server/src/core/volatile-log.ts';
import { EmbeddedEngine } from '../../server/src/engines/embedded.ts';
import { Gateway } from '../../server/src/gateway.ts';
import type { HubContext } from '../../server/src/hub/context.ts';
import type { Flusher } from '../../server/src/hub/flusher.ts';
import type { History } from '../../server/src/hub/history.ts';
import { Hub } from '../../server/src/hub/hub.ts';
import type { Sessions } from '../../server/src/hub/sessions.ts';
import type { Subscriptions } from '../../server/src/hub/subscriptions.ts';
import type { TopologyCommands } from '../../server/src/hub/topology.ts';
import type { Principal } from '../../server/src/ports/auth.ts';
import type { Clock } from '../../server/src/ports/clock.ts';
import type { Ids } from '../../server/src/ports/ids.ts';
import type { Socket, SocketHandler } from '../../server/src/ports/transport.ts';
import type { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import type { Network } from './network.ts';
import type { Permits } from './permits.ts';
import type { Random } from './random.ts';
import { simulatedAuth } from './tokens.ts';
import type { World } from './world.ts';

export interface HubSettings {
  readonly limits: NodeLimits;
  readonly sessionLimits: Partial<SessionLimits>;
  readonly log: LogLimits;
  readonly isAuthLater: boolean;
  /** What who may do. */
  readonly permits: Permits;
  /** Where the hub stores what is durable; none by default. */
  readonly disk?: MemoryDisk | undefined;
  /** Of the durable log. */
  readonly durableLog?: LogLimits;
}

/** The private parts of a hub that checks walk through and faults are planted in. */
export interface HubInsides {
  readonly context: HubContext;
  readonly flusher: Flusher;
  readonly subscriptions: Subscriptions;
  readonly sessions: Sessions;
  readonly graph: TopologyCommands;
  readonly pages: History;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const WALL_START_MS = 1_700_000_000_000;
/** Long enough for every stall of the disk: what happens behind a deadline is for tests of failing disks. */
const FLUSH_DEADLINE_MS = 60_000;

export class HubProcess {
  readonly epoch: string;
  readonly engine: EmbeddedEngine;
  readonly hub: Hub;
  readonly gateway: Gateway;
  isAlive = true;
  private readonly disk: MemoryDisk | undefined;
  readonly #transport: { close(): Promise<void>; stopAccepting(): void };

  /**
   * @param wallStepMs by how much the wall clock is off, at the moment
   * @param prepare called with the engine before the hub sees it, and with the hub before anybody connects
   */
  constructor(
    readonly number: number,
    private readonly world: World,
    network: Network,
    settings: HubSettings,
    private readonly wallStepMs: () => number,
    prepare: { engine(process: HubProcess): void; hub(process: HubProcess): void },
  ) {
    const random = world.random.fork(`hub ${number}`);
    const ids = seededIds(random);
    const clock = this.#clock();
    const onFault = (fault: string, error?: unknown): void => {
      world.fail('hub-fault', `${fault}: ${error instanceof Error ? error.stack : String(error)}`);
    };
    this.epoch = `e${number}${ids.id()}`;
    const { disk } = settings;
    this.disk = disk;
    const store = disk && new MemoryStore(disk, { clock, flushDeadlineMs: FLUSH_DEADLINE_MS });
    const durable = store && { store, epoch: 'disk', limits: settings.durableLog };
    this.engine = new EmbeddedEngine({ clock, epoch: this.epoch, limits: settings.log, durable });
    prepare.engine(this);
    const { limits, sessionLimits } = settings;
    this.hub = new Hub({ engine: this.engine, clock, ids, limits, sessionLimits, onFault });
    const auth = simulatedAuth(settings.permits, clock, settings.isAuthLater, random, (principal) =>
      this.hub.control.isRevoked(principal),
    );
    this.gateway = new Gateway({ hub: this.hub, auth, clock, limits, onFault });
    prepare.hub(this);
    this.#transport = network.listen(number, (socket) => this.#accept(socket), limits);
    world.note(`hub ${number} starts`);
  }

  /** Its wall clock. */
  get wallMs(): number {
    return WALL_START_MS + this.world.nowMs + this.wallStepMs();
  }

  /** Takes connections, and is not about to leave. */
  get isOpen(): boolean {
    return this.isAlive && !this.insides.context.draining;
  }

  get insides(): HubInsides {
    return this.hub as unknown as HubInsides;
  }

  /** Ends at once, as by `kill -9`; its connections break. */
  kill(): void {
    if (!this.isAlive) return;
    this.world.note(`hub ${this.number} killed`);
    this.isAlive = false;
    void this.#transport.close();
    const chance = this.world.random.fork(`disk of hub ${this.number}`);
    this.disk?.crash(
      () => chance.pick([true, false, 'torn', 'torn'] as const),
      () => chance.chance(0.5),
    );
  }

  /** Sends everybody away in good order, then ends. */
  drain(windowMs: number, graceMs: number): void {
    this.world.note(`hub ${this.number} drains`);
    this.#transport.stopAccepting();
    this.gateway.drain(windowMs, graceMs, () => {
      this.hub.close();
      this.gateway.close();
      void this.engine.close();
      // What was written last is still under way: the process ends when its sockets are closed.
      this.world.after(1_000, 'hub exits', () => this.kill());
    });
  }

  #accept(socket: Socket): SocketHandler {
    const handler = this.gateway.accept(socket);
    const whileAlive = (run: () => void): void => {
      if (this.isAlive) run();
    };
    return {
      message: (message) => whileAlive(() => handler.message(message)),
      drained: () => whileAlive(() => handler.drained()),
      closed: () => whileAlive(() => handler.closed()),
    };
  }

  #clock(): Clock {
    const { world } = this;
    const startMs = world.nowMs - 1_000 * this.number;
    const later = (delayMs: number, label: string, run: () => void): { stop(): void } => {
      const timer = world.after(delayMs, label, () => {
        if (this.isAlive) run();
      });
      return { stop: () => timer.cancel() };
    };
    return {
      nowMs: () => world.nowMs - startMs,
      wallMs: () => this.wallMs,
      after: (ms, run) => later(ms, 'hub timer', run),
      every: (ms, run) => {
        let timer: { stop(): void };
        const again = (): void => {
          timer = later(ms, 'hub tick', () => {
            again();
            run();
          });
        };
        again();
        return { stop: () => timer.stop() };
      },
      endOfTurn: (run) => void later(0, 'hub turn', run),
    };
  }
}

/** Who sees and may do everything. */
export const OPERATOR: Principal = {
  subject: 'operator',
  role: 'server',
  may: () => true,
  mayAll: () => true,
  maySome: () => true,
};

function seededIds(random: Random): Ids {
  const text = (length: number): string => {
    let made = '';
    for (let i = 0; i < length; i++) made += random.pick([...ALPHABET]);
    return made;
  };
  return {
    id: () => text(21),
    token: () => text(22),
    hash: (token) => `#${token}`,
    random: () => random.next(),
  };
}
