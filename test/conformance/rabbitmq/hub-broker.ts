/**
 * Ringhub in this process: gateway, hub and embedded engine with a store in memory, on a clock that stands still between operations.
 *
 * What is done comes in as JSON frames over a socket, and what came of it is read from the frames that go out.
 */
import {
  type ErrorName,
  errorOfCode,
  type Topology as Listed,
  type QueueInfo,
  type ServerFrame,
} from '@ringhub/protocol';
import { NODE_LIMITS } from '../../../server/src/core/limits.ts';
import { EmbeddedEngine } from '../../../server/src/engines/embedded.ts';
import { Gateway } from '../../../server/src/gateway.ts';
import { Hub } from '../../../server/src/hub/hub.ts';
import type { Auth } from '../../../server/src/ports/auth.ts';
import { MemoryDisk } from '../../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../../server/src/stores/memory-store.ts';
import { CountingIds, ManualClock } from '../../server/support/manual-clock.ts';
import { HubSession, seenItem } from './hub-session.ts';
import type { Answer, BrokerState, Outcome, Said, Seen } from './outcome.ts';
import { payloadOf } from './payload.ts';
import { type Actor, type BindingWish, type Operation, type QueueWish, UNIT_BYTES } from './topology.ts';

const NEVER_MS = 1e12;
/** In which what expires at once has done so, from queue to queue: they are looked through each second. */
const EXPIRE_MS = 5_001;
/** Bytes that messages may weigh beside their payloads, all together, without filling one unit. */
const BESIDE_BYTES = UNIT_BYTES - 100;

const AUTH: Auth = {
  name: 'everybody',
  authenticate: (token) => ({
    subject: token ?? 'nobody',
    role: 'server',
    may: () => true,
    mayAll: () => true,
    maySome: () => true,
  }),
};

/** How errors are called on both sides; one that is not here is a mistake of this driver. */
const SAID: Partial<Record<ErrorName, Said>> = {
  'unknown-exchange': 'not-found',
  'queue-not-found': 'not-found',
  'unknown-binding': 'not-found',
  'exchange-mismatch': 'mismatch',
  'queue-mismatch': 'mismatch',
  'exchange-in-use': 'in-use',
  'queue-in-use': 'in-use',
  'queue-not-empty': 'not-empty',
  'queue-exclusive': 'locked',
  'reserved-name': 'refused',
  'default-exchange': 'refused',
  'internal-exchange': 'refused',
  unroutable: 'unroutable',
  'queue-full': 'queue-refused',
  'payload-too-large': 'queue-refused',
  'bad-name': 'refused',
  'too-many-hashes': 'bad-argument',
  'bad-argument': 'bad-argument',
  'durability-mismatch': 'bad-argument',
};

interface HubConsumer {
  readonly session: HubSession;
  readonly by: Actor;
  readonly queue: number;
  readonly isAcking: boolean;
  /** Its queue has a delivery limit. */
  readonly isLimited: boolean;
  readonly tags: number[];
  /** The last tag that was settled. */
  settled: number | undefined;
}

/** What rules of differences may look at, beside what is compared. */
export interface HubView {
  readonly queues: ReadonlyMap<string, QueueInfo>;
  readonly durableExchanges: ReadonlySet<string>;
  /** Of the last operation: the error, if it was one; of publishes, queues that refused a message others took. */
  readonly error?: ErrorName | undefined;
  readonly refusing: readonly string[];
}

export class HubBroker {
  readonly engine: EmbeddedEngine;
  readonly hub: Hub;
  private readonly clock = new ManualClock();
  private readonly gateway: Gateway;
  private readonly sessions = new Map<Actor, HubSession>();
  private readonly consumers = new Map<string, HubConsumer>();
  private readonly faults: string[] = [];
  private mayExpire = false;
  private isStoring = false;
  private error: ErrorName | undefined;
  private refusing: string[] = [];
  private infos: ReadonlyMap<string, QueueInfo> = new Map();
  private durableExchanges: ReadonlySet<string> = new Set();

  constructor() {
    const { clock } = this;
    const limits = { ...NODE_LIMITS, heartbeatMs: NEVER_MS, deadMs: NEVER_MS };
    const onFault = (fault: string) => this.faults.push(fault);
    this.engine = new EmbeddedEngine({
      clock,
      epoch: 'conformance',
      durable: { store: new MemoryStore(new MemoryDisk({ clock })), epoch: 'stored' },
    });
    this.hub = new Hub({ engine: this.engine, clock, ids: new CountingIds(), limits, onFault });
    this.gateway = new Gateway({ hub: this.hub, auth: AUTH, clock, limits, onFault });
  }

  /** Does it, and tells what came of it. */
  perform(operation: Operation): Outcome {
    this.error = undefined;
    this.refusing = [];
    this.mayExpire ||= expiresAtOnce(operation);
    this.isStoring ||= isDurable(operation);
    const answer = this.answer(operation);
    if (this.mayExpire) this.clock.advance(EXPIRE_MS);
    const outcome = this.outcome(answer, operation.does === 'drain' ? operation.consumer : undefined);
    if (this.faults.length > 0) throw new Error(`the hub complains: ${this.faults.join('; ')}`);
    return outcome;
  }

  get view(): HubView {
    return {
      queues: this.infos,
      durableExchanges: this.durableExchanges,
      error: this.error,
      refusing: this.refusing,
    };
  }

  close(): void {
    this.hub.close();
    this.gateway.close();
    void this.engine.close();
    this.clock.forget();
  }

  private answer(operation: Operation): Answer {
    const a = this.session('a');
    switch (operation.does) {
      case 'declare-exchange':
        return this.said(a.command('declare', operation.name, operation.options));
      case 'delete-exchange':
        return this.said(a.command('delete', operation.name, operation.ifUnused));
      case 'bind-exchange':
      case 'unbind-exchange':
        return this.bind(a, operation.does === 'bind-exchange', operation.to, operation.binding);
      case 'declare-queue':
        return this.said(
          this.session(operation.by).command('declareQueue', operation.name, queueOptions(operation.options)),
        );
      case 'delete-queue': {
        const { ifUnused, ifEmpty } = operation;
        return this.emptied(
          this.session(operation.by).command('deleteQueue', operation.name, { ifUnused, ifEmpty }),
        );
      }
      case 'purge':
        return this.emptied(this.session(operation.by).command('purge', operation.name));
      case 'bind-queue':
      case 'unbind-queue': {
        const { by, queue, binding } = operation;
        return this.bind(this.session(by), operation.does === 'bind-queue', { queue }, binding);
      }
      case 'publish':
        return this.publish(a, operation);
      case 'consume':
        return this.consume(operation);
      case 'leave':
        return this.leave(operation.consumer);
      case 'settle':
        return this.settle(operation);
      case 'settle-again':
        return this.settleAgain(operation.consumer);
      case 'drain':
        return this.consume({ ...operation, exclusive: false });
      case 'disconnect':
        return this.disconnect();
      default:
        return operation satisfies never;
    }
  }

  // ── commands ──

  private bind(session: HubSession, isBind: boolean, to: unknown, { from, key, args }: BindingWish): Answer {
    return this.said(session.command(isBind ? 'bind' : 'unbind', to, from, key, ...(args ? [args] : [])));
  }

  private publish(session: HubSession, operation: Extract<Operation, { does: 'publish' }>): Answer {
    const { tag, exchange, key, headers, count, units, mandatory, ttlMs } = operation;
    const properties = { mandatory, ...(headers && { headers }), ...(ttlMs !== undefined && { ttlMs }) };
    const messages = Array.from({ length: count }, (_, i) => [
      exchange,
      key,
      payloadOf(tag, i, units),
      properties,
    ]);
    const said = session.publish(messages).map((answer): Said => {
      if (answer === 'confirmed') return 'ok';
      if ('type' in answer) return this.saidOf(answer.code);
      this.refusing.push(...answer.refused);
      return 'ok';
    });
    return { said };
  }

  private consume(wish: Omit<Extract<Operation, { does: 'consume' }>, 'does'>): Answer {
    const { by, consumer, queue, prefetch, exclusive } = wish;
    const session = this.session(by);
    const isAcking = prefetch !== undefined;
    const options = {
      consume: queue,
      exclusive,
      ack: isAcking ? 'manual' : 'none',
      ...(isAcking && { prefetch }),
    };
    const answer = session.command('consume', options);
    if (answer.type === 'ok') {
      const { queue: id } = answer.result as { queue: number };
      const isLimited = (this.infos.get(queue)?.options.deliveryLimit ?? null) !== null;
      this.consumers.set(consumer, {
        session,
        by,
        queue: id,
        isAcking,
        isLimited,
        tags: [],
        settled: undefined,
      });
    }
    return this.said(answer);
  }

  private leave(name: string): Answer {
    const consumer = this.consumers.get(name);
    if (!consumer) return { said: ['nothing'] };
    this.consumers.delete(name);
    return this.said(consumer.session.command('unsubscribe', consumer.queue));
  }

  private settle({ consumer: name, how, at, multiple }: Extract<Operation, { does: 'settle' }>): Answer {
    const consumer = this.consumers.get(name);
    if (!consumer || consumer.tags.length === 0) return { said: ['nothing'] };
    const { session, queue, tags } = consumer;
    const index = at % tags.length;
    const tag = tags[index]!;
    const settled = multiple ? tags.splice(0, index + 1) : tags.splice(index, 1);
    consumer.settled = tag;
    const ranges = [[multiple ? settled[0]! : tag, tag]];
    if (how === 'ack') session.tell(['ack', queue, multiple ? tag : 0, multiple ? [] : ranges]);
    else session.tell([how === 'reject' ? 'reject' : 'nack', queue, ranges]);
    return this.told(session);
  }

  private settleAgain(name: string): Answer {
    const consumer = this.consumers.get(name);
    if (consumer?.settled === undefined) return { said: ['nothing'] };
    const { session, queue, settled } = consumer;
    session.tell(['ack', queue, 0, [[settled, settled]]]);
    return this.told(session);
  }

  private disconnect(): Answer {
    this.sessions.get('b')?.bye();
    this.sessions.delete('b');
    for (const [name, { by }] of this.consumers) if (by === 'b') this.consumers.delete(name);
    return { said: ['ok'] };
  }

  private session(actor: Actor): HubSession {
    let session = this.sessions.get(actor);
    if (!session) {
      session = new HubSession(
        (socket) => this.gateway.accept(socket),
        () => this.rest(),
        `client-${actor}`,
      );
      this.sessions.set(actor, session);
    }
    return session;
  }

  /** Until all that is on its way to the disk is there, and has led to what it leads to. */
  private rest(): void {
    for (let i = 0; this.isStoring && i < 6; i++) {
      this.clock.settle();
      this.clock.advance(1);
    }
    this.clock.settle();
  }

  // ── what came of it ──

  private saidOf(code: number): Said {
    const name = errorOfCode(code)?.name;
    const said = name && SAID[name as ErrorName];
    if (!said) throw new Error(`the hub answered ${code} ${name}`);
    this.error = name as ErrorName;
    return said;
  }

  private said(answer: ServerFrame): Answer {
    return { said: [answer.type === 'error' ? this.saidOf(answer.code) : 'ok'] };
  }

  private emptied(answer: ServerFrame): Answer {
    if (answer.type !== 'ok') return this.said(answer);
    return { said: ['ok'], messages: (answer.result as { messages: number }).messages };
  }

  /** A settle has no answer but a fault. */
  private told(session: HubSession): Answer {
    const [fault] = session.take('error', null);
    return fault ? this.said(fault) : { said: ['ok'] };
  }

  private outcome(answer: Answer, drained: string | undefined): Outcome {
    const deliveries = new Map<string, Seen[]>();
    const ended = new Set<string>();
    for (const session of this.sessions.values()) {
      for (const frame of session.take('deliver')) this.deliver(frame, deliveries);
      for (const { detail } of session.take('error', null)) {
        const gone = this.consumerOf(Number(detail?.queue));
        if (!gone) throw new Error(`the hub told of ${JSON.stringify(detail)}`);
        ended.add(gone);
      }
    }
    if (drained !== undefined) this.leave(drained);
    this.rest();
    for (const name of ended) this.consumers.delete(name);
    ended.delete(drained ?? '');
    return { answer, deliveries, ended, state: this.state() };
  }

  private deliver(
    { queue, firstTag, items, notes }: Extract<ServerFrame, { type: 'deliver' }>,
    deliveries: Map<string, Seen[]>,
  ): void {
    const name = this.consumerOf(queue);
    if (name === undefined) throw new Error(`a delivery for nobody: ${queue}`);
    const { isAcking, isLimited, tags } = this.consumers.get(name)!;
    const noteAt = new Map(notes);
    const seen = deliveries.get(name) ?? [];
    deliveries.set(name, seen);
    items.forEach((item, i) => {
      if (item.kind !== 'message') throw new Error(`a ${item.kind} in a named queue`);
      seen.push(seenItem(item, noteAt.get(i)?.redelivered, isLimited));
      if (isAcking) tags.push(firstTag + i);
    });
  }

  private consumerOf(queue: number): string | undefined {
    return [...this.consumers].find(([, consumer]) => consumer.queue === queue)?.[0];
  }

  /** What both clients are shown of it. */
  private state(): BrokerState {
    const lists = [...this.sessions.values()].map((session) => {
      const answer = session.command('list');
      return (answer as { result: Listed }).result;
    });
    this.infos = new Map(lists.flatMap(({ queues }) => queues.map((info) => [info.name, info])));
    const exchanges = lists[0]?.exchanges ?? [];
    this.durableExchanges = new Set(exchanges.flatMap(({ name, durable }) => (durable ? [name] : [])));
    return {
      queues: new Map(
        [...this.infos].map(([name, { messages, consumers }]) => [
          name,
          { ready: messages.ready + messages.delayed, consumers },
        ]),
      ),
      exchanges: new Set(exchanges.flatMap(({ name }) => (/^x\d/.test(name) ? [name] : []))),
    };
  }
}

/** Of a queue: as RabbitMQ has it, without a delivery limit. */
function queueOptions({ maxUnits, ...options }: QueueWish): Record<string, unknown> {
  return {
    deliveryLimit: null,
    ...options,
    ...(maxUnits !== undefined && { maxBytes: maxUnits * UNIT_BYTES + BESIDE_BYTES }),
  };
}

const expiresAtOnce = (operation: Operation): boolean =>
  (operation.does === 'publish' && operation.ttlMs === 0) ||
  (operation.does === 'declare-queue' && operation.options.messageTtlMs === 0);

const isDurable = (operation: Operation): boolean =>
  (operation.does === 'declare-exchange' || operation.does === 'declare-queue') && operation.options.durable;
