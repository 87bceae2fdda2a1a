/**
 * Hub, gateway and embedded engine on a clock that a test moves, for clients by hand.
 *
 * Tokens are subjects: `alice`, `bob`, … come in as servers, `browser-…` as browsers, none or `nobody` not at all;
 * `later-…` is answered only when the test says so.
 */
import { NODE_LIMITS, type NodeLimits, type SessionLimits } from '../../../server/src/core/limits.ts';
import type { SessionQueue } from '../../../server/src/core/session-queue.ts';
import type { LogLimits } from '../../../server/src/core/volatile-log.ts';
import { EmbeddedEngine } from '../../../server/src/engines/embedded.ts';
import { Gateway } from '../../../server/src/gateway.ts';
import type { HubContext } from '../../../server/src/hub/context.ts';
import { Hub } from '../../../server/src/hub/hub.ts';
import type { Action, Auth, Principal } from '../../../server/src/ports/auth.ts';
import type { Engine } from '../../../server/src/ports/engine.ts';
import { CountingIds, ManualClock } from './manual-clock.ts';
import { ScriptedClient } from './scripted-client.ts';
import { codecsInTurn, type WireCodec } from './wire-codec.ts';

export interface HubSceneOptions {
  readonly limits?: Partial<NodeLimits>;
  readonly session?: Partial<SessionLimits>;
  readonly log?: Partial<LogLimits>;
  /** What is forbidden to everybody; may be changed while the hub runs. */
  forbidden?: (action: Action, exchange: string, key: string, subject: string) => boolean;
  /** Puts something between hub and engine. */
  readonly engine?: (engine: Engine) => Engine;
}

const LOG: LogLimits = { maxMessages: 10_000, maxBytes: 1e9, maxAgeMs: 3_600_000 };

export class HubScene {
  readonly clock = new ManualClock();
  readonly limits: NodeLimits;
  readonly faults: string[] = [];
  /** Answers of tokens that wait. */
  readonly waiting: ((principal: Principal | undefined | Error) => void)[] = [];
  engine!: Engine;
  hub!: Hub;
  gateway!: Gateway;
  private readonly nextCodec = codecsInTurn();
  private lives = 0;

  constructor(readonly options: HubSceneOptions = {}) {
    this.limits = { ...NODE_LIMITS, ...options.limits };
    this.start();
  }

  get epoch(): string {
    return this.engine.bounds('v').epoch;
  }

  /** A new process: everything that was in memory is gone. */
  restart(): void {
    this.hub.close();
    this.gateway.close();
    void this.engine.close();
    this.start();
  }

  /** A connection, by default of the codec whose turn it is. */
  connect(codec: WireCodec = this.nextCodec()): ScriptedClient {
    return new ScriptedClient(
      (socket) => this.gateway.accept(socket),
      () => this.clock.settle(),
      codec,
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
    return {
      subject,
      role: subject.startsWith('browser') ? 'browser' : 'server',
      may: (action, exchange, key) => !this.options.forbidden?.(action, exchange, key, subject),
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

  private start(): void {
    const { clock, limits, options } = this;
    const prefix = String.fromCharCode(97 + this.lives++);
    const embedded = new EmbeddedEngine({
      clock,
      epoch: `epoch-${prefix}`,
      limits: { ...LOG, ...options.log },
    });
    this.engine = options.engine?.(embedded) ?? embedded;
    const onFault = (fault: string) => this.faults.push(fault);
    this.hub = new Hub({
      engine: this.engine,
      clock,
      ids: new CountingIds(prefix),
      limits,
      onFault,
      ...(options.session ? { sessionLimits: options.session } : {}),
    });
    this.gateway = new Gateway({ hub: this.hub, auth: this.auth, clock, limits, onFault });
  }

  private readonly auth: Auth = {
    name: 'test',
    authenticate: (token) => {
      if (token?.startsWith('later')) {
        return new Promise((resolve, reject) => {
          this.waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
        });
      }
      return token === undefined || token === 'nobody' ? undefined : this.principal(token);
    },
  };
}
