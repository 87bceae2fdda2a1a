/**
 * Hub, gateway and embedded engine on a clock that a test moves, for clients by hand.
 *
 * Tokens are subjects: `alice`, `bob`, … come in as servers, `browser-…` as browsers, none or `nobody` not at all;
 * `later-…` is answered only when the test says so. `alice~60` is alice's for 60 s, `alice~0` has expired.
 */
import type { DeclaredQueue } from '../../../server/src/core/declared-queue.ts';
import { NODE_LIMITS, type NodeLimits, type SessionLimits } from '../../../server/src/core/limits.ts';
import type { SessionQueue } from '../../../server/src/core/session-queue.ts';
import type { LogLimits } from '../../../server/src/core/volatile-log.ts';
import { EmbeddedEngine } from '../../../server/src/engines/embedded.ts';
import { Gateway } from '../../../server/src/gateway.ts';
import type { HubContext } from '../../../server/src/hub/context.ts';
import { Hub } from '../../../server/src/hub/hub.ts';
import type { Action, Admission, Auth, Denial, Principal } from '../../../server/src/ports/auth.ts';
import type { Engine } from '../../../server/src/ports/engine.ts';
import type { AuditEntry } from '../../../server/src/ports/hub-api.ts';
import { MemoryDisk } from '../../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../../server/src/stores/memory-store.ts';
import { CountingIds, ManualClock } from './manual-clock.ts';
import { ScriptedClient } from './scripted-client.ts';
import { codecsInTurn, type WireCodec } from './wire-codec.ts';

export interface HubSceneOptions {
  readonly limits?: Partial<NodeLimits>;
  readonly session?: Partial<SessionLimits>;
  readonly log?: Partial<LogLimits>;
  /** What is forbidden to everybody; may be changed while the hub runs. */
  forbidden?: (action: Action, exchange: string, key: string, subject: string) => boolean;
  /** Who a token stands for, where what is forbidden does not say enough. */
  readonly principal?: (subject: string) => Principal | undefined;
  /** The hub has a store, on a disk in memory that needs 1 ms for a sync. */
  readonly durable?: boolean;
  readonly durableLog?: Partial<LogLimits>;
  /** Puts something between hub and engine. */
  readonly engine?: (engine: Engine) => Engine;
}

const NOBODY: Denial = { denied: 'unauthorized', reason: 'nobody' };
const LOG: LogLimits = { maxMessages: 10_000, maxBytes: 1e9, maxAgeMs: 3_600_000 };

export class HubScene {
  readonly clock = new ManualClock();
  readonly limits: NodeLimits;
  readonly faults: string[] = [];
  /** Answers of tokens that wait. */
  readonly waiting: ((admission: Admission | undefined | Error) => void)[] = [];
  /** Why nothing durable could be stored any more. */
  readonly failures: string[] = [];
  readonly audits: AuditEntry[] = [];
  disk!: MemoryDisk;
  engine!: Engine;
  hub!: Hub;
  gateway!: Gateway;
  private readonly nextCodec = codecsInTurn();
  private lives = 0;

  constructor(readonly options: HubSceneOptions = {}) {
    this.limits = { ...NODE_LIMITS, ...options.limits };
    this.disk = new MemoryDisk({ clock: this.clock });
    this.start();
  }

  get epoch(): string {
    return this.engine.bounds('v').epoch;
  }

  /** A new process after an orderly end: everything that was in memory only is gone. */
  restart(): void {
    this.hub.close();
    this.gateway.close();
    void this.engine.close();
    if (this.options.durable) this.flush();
    this.start();
  }

  /** A power cut, and a new process: transactions that were not synced are lost, but for those that `survives` says. */
  crash(survives?: () => boolean): void {
    this.clock.forget();
    this.disk.crash(survives);
    this.start();
  }

  /** Lets everything come to rest, also what is on its way to the disk. */
  flush(): void {
    for (let i = 0; i < 3; i++) {
      this.clock.settle();
      this.clock.advance(1);
    }
    this.clock.settle();
  }

  /** A connection, by default of the codec whose turn it is. */
  connect(codec: WireCodec = this.nextCodec(), address?: string): ScriptedClient {
    return new ScriptedClient(
      (socket) => this.gateway.accept(socket),
      () => this.clock.settle(),
      codec,
      address,
    );
  }

  /** A client with a session. */
  client(token = 'alice'): ScriptedClient {
    const client = this.connect();
    client.hello({ token });
    return client;
  }

  /** Publishes without a session; returns the outcomes. */
  publish(...keys: string[]) {
    const outcomes = keys.map((key) => this.publishNow(key));
    this.clock.settle();
    return outcomes;
  }

  /** As `publish`, within the turn. */
  publishNow(
    key: string,
    payload = 'x',
    over: { exchange?: string; id?: string; headers?: Record<string, string> } = {},
  ) {
    const { exchange = 'amq.topic', ...properties } = over;
    let outcome: Parameters<Parameters<Hub['publish']>[2]>[0] | undefined;
    this.hub.publish(
      this.principal('publisher'),
      { exchange, key, payload, properties: { contentType: 'text/plain', ...properties } },
      (result) => {
        outcome = result;
      },
    );
    return outcome;
  }

  principal(subject: string): Principal {
    const own = this.options.principal?.(subject);
    if (own) return own;
    const isPermitted = (action: Action, name: string, key: string): boolean =>
      !this.options.forbidden?.(action, name, key, subject);
    return {
      subject,
      role: subject.startsWith('browser') ? 'browser' : 'server',
      may: isPermitted,
      mayAll: isPermitted,
      maySome: (action, name) => isPermitted(action, name, '#'),
    };
  }

  /** A queue inside the hub, to plant a fault in it. */
  queue(id: number): SessionQueue {
    const { sessions } = (this.hub as unknown as { context: HubContext }).context;
    for (const session of sessions.values()) {
      const found = session.subscriptions.get(id);
      if (found) return found.queue;
    }
    throw new Error(`no queue ${id}`);
  }

  get counters(): HubContext['counters'] {
    return (this.hub as unknown as { context: HubContext }).context.counters;
  }

  /** A named queue inside the hub. */
  namedQueue(name: string): DeclaredQueue {
    const queue = (this.hub as unknown as { context: HubContext }).context.namedQueues.get(name);
    if (!queue) throw new Error(`no queue ${name}`);
    return queue;
  }

  private start(): void {
    const { clock, limits, options } = this;
    const prefix = String.fromCharCode(97 + this.lives++);
    const embedded = new EmbeddedEngine({
      clock,
      epoch: `epoch-${prefix}`,
      limits: { ...LOG, ...options.log },
      ...(options.durable && {
        durable: {
          store: new MemoryStore(this.disk),
          epoch: 'stored',
          limits: { ...LOG, ...options.durableLog },
        },
      }),
    });
    this.engine = options.engine?.(embedded) ?? embedded;
    const onFault = (fault: string) => this.faults.push(fault);
    this.hub = new Hub({
      engine: this.engine,
      clock,
      ids: new CountingIds(prefix),
      limits,
      onFault,
      onAudit: (entry) => this.audits.push(entry),
      onStoreFailure: (why) => this.failures.push(why),
      ...(options.session ? { sessionLimits: options.session } : {}),
    });
    this.gateway = new Gateway({ hub: this.hub, auth: this.auth, clock, limits, onFault });
  }

  private readonly auth: Auth = {
    name: 'test',
    authenticate: (token) => {
      if (token?.startsWith('later')) {
        return new Promise((resolve, reject) => {
          this.waiting.push((answer) => {
            if (answer instanceof Error) reject(answer);
            else resolve(answer ?? NOBODY);
          });
        });
      }
      if (token === undefined || token === 'nobody') return NOBODY;
      const [subject, seconds] = token.split('~') as [string, string?];
      if (seconds === '0') return { denied: 'token-expired', reason: 'expired' };
      const principal = this.principal(subject);
      if (this.hub.control.isRevoked(principal)) return NOBODY;
      if (seconds === undefined) return principal;
      const expiresAtMs = this.clock.wallMs() + Number(seconds) * 1000;
      return Object.create(principal, { expiresAtMs: { value: expiresAtMs } }) as Principal;
    },
  };
}
