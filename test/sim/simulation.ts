/**
 * One run, whole: hub processes one after another, applications, the network between them, and every account.
 *
 *   applications (real SDK) ── network, tapped ── hub process (real gateway, hub, engine)
 *        │ handed, settled         │ frames             │ taken, subscribed
 *        ▼                         ▼                    ▼
 *      Reader ◄────────────── QueueAccount ◄────────── Truth          StepChecks: after every step
 *
 * `taps` here only pass on what was seen; what it means is decided in the accounts.
 */
import {
  type ClientFrame,
  decodeClientMessage,
  decodeClientMessageBinary,
  errorOfCode,
  type ServerFrame,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Message } from '../../server/src/ports/transport.ts';
import { Application } from './application.ts';
import type { Fault } from './faults.ts';
import { HubProcess } from './hub-process.ts';
import { Network, type Wire, type WireTap } from './network.ts';
import { Publications } from './publications.ts';
import { QueueAccount } from './queue-account.ts';
import type { Random } from './random.ts';
import type { Reader } from './reader.ts';
import { drawSettings, type Settings } from './settings.ts';
import { StepChecks } from './step-checks.ts';
import { Truth } from './truth.ts';
import { World } from './world.ts';

const framesOfClient = (message: Message) =>
  typeof message === 'string' ? decodeClientMessage(message) : decodeClientMessageBinary(message);

/** How often queues are held against the truth between steps; always when they end. */
const QUEUE_CHECK_EVERY = 61;

/** What one hub process said, counted from outside. */
interface Told {
  deliveries: number;
  gaps: number;
  resumed: number;
  lost: number;
}

export class Simulation implements WireTap {
  readonly world: World;
  readonly random: Random;
  readonly settings: Settings;
  readonly truth = new Truth();
  readonly network: Network;
  readonly publications: Publications;
  /** Applications that run now, by subject. */
  readonly running = new Map<string, Application>();
  /** Clients whose next welcome is lost with its connection. */
  readonly unlucky = new Set<string>();
  hub!: HubProcess;
  wallStepMs = 0;
  /** How often something worth reaching was reached: reasons of gaps, closes, errors, kinds of resume. */
  readonly reached = new Map<string, number>();

  readonly #applications = new Map<string, Application>();
  readonly #accounts = new Map<string, QueueAccount>();
  readonly #checks: StepChecks;
  readonly #told = new Map<number, Told>();

  constructor(
    seed: number,
    private readonly fault: Fault | undefined,
  ) {
    this.world = new World(seed);
    this.random = this.world.random.fork('scenario');
    this.settings = drawSettings(this.world.random.fork('settings'));
    this.network = new Network(this.world);
    this.network.tap = this;
    this.calmNetwork();
    this.publications = new Publications(this.world, this.truth);
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
    this.#told.set(number, { deliveries: 0, gaps: 0, resumed: 0, lost: 0 });
    this.hub = new HubProcess(number, this.world, this.network, this.settings, () => this.wallStepMs, {
      engine: (process) => this.#watchEngine(process),
      hub: (process) => this.#watchHub(process),
    });
  }

  /** Sees what the engine takes, before the hub's feed does. */
  #watchEngine({ engine, epoch }: HubProcess): void {
    this.truth.begin(epoch);
    const onFeed = engine.onFeed.bind(engine);
    engine.onFeed = (handler) =>
      onFeed((record) => {
        const isNext = this.truth.take(epoch, record, this.world.nowMs);
        if (!isNext) this.world.fail('log', `offset ${record.offset} is not the next one`);
        const due = this.#sessionsFor(record.exchange, record.key);
        handler(record);
        // Relief of memory, or a ring that was full, may have ended some before their turn.
        const isLess = record.sessions < this.#sessionsFor(record.exchange, record.key);
        if (record.sessions > due || isLess) {
          this.world.fail(
            'routing',
            `offset ${record.offset} reached ${record.sessions} sessions, not ${due}`,
          );
        }
      });
  }

  #sessionsFor(exchange: string, key: string): number {
    let count = 0;
    for (const session of this.hub.insides.context.sessions.values()) {
      const isBound = [...session.subscriptions.values()].some(({ bindings }) =>
        bindings.some((b) => this.truth.matches([[b.exchange.name, b.spec.key]], exchange, key)),
      );
      if (isBound) count++;
    }
    return count;
  }

  /** Sees queues begin and end. */
  #watchHub(process: HubProcess): void {
    const { subscriptions } = process.insides;
    const subscribe = subscriptions.subscribe.bind(subscriptions);
    subscriptions.subscribe = (session, options) => {
      const result = subscribe(session, options);
      if ('error' in result) return result;
      const subscription = session.subscriptions.get(result.queue)!;
      const account = new QueueAccount(this.world, this.truth, process.number, options, subscription);
      this.#accounts.set(`${process.number}/${account.id}`, account);
      this.#checkStart(process, account, options);
      const { queue } = subscription;
      const resume = queue.resume.bind(queue);
      queue.resume = (lastTag, ...rest) => {
        account.resumed(lastTag);
        resume(lastTag, ...rest);
      };
      this.fault?.queue?.(subscription.queue, this);
      return result;
    };
    const end = subscriptions.end.bind(subscriptions);
    subscriptions.end = (subscription, reason) => {
      this.account(process.number, subscription.queue.id)?.check(process.insides.context.feedOffset - 1);
      end(subscription, reason);
      const { ledger, residual, id } = subscription.queue;
      if (residual !== 0 || ledger.routed !== ledger.settled) {
        this.world.fail(
          'ledger',
          `queue ${id} ended with ${ledger.routed} routed, ${ledger.settled} settled`,
        );
      }
    };
    this.fault?.hub?.(process, this);
  }

  /** A subscription begins where it was asked to. */
  #checkStart(
    { epoch, engine }: HubProcess,
    account: QueueAccount,
    { since = 'live' }: SubscribeOptions,
  ): void {
    const { start } = account;
    const last = this.truth.last(epoch);
    const { first } = engine.bounds('v');
    const fail = (): void =>
      this.world.fail('start', `${JSON.stringify(since)} begins after ${start} of ${last}`);
    if (since === 'live' || since === 'last-per-key') {
      if (start !== last) fail();
    } else if (since === 'earliest') {
      if (start !== first - 1) fail();
    } else if ('timeMs' in since) {
      // Where some of that time may be trimmed, it begins before everything, and is told what is lost.
      const trimmed = this.truth.at(epoch, first - 1);
      if (trimmed && trimmed.timeMs >= since.timeMs) {
        if (start !== 0) fail();
        return;
      }
      const before = this.truth.at(epoch, start);
      const after = this.truth.at(epoch, start + 1);
      const isLate = start >= first && before !== undefined && before.timeMs >= since.timeMs;
      if (isLate || (after && after.timeMs < since.timeMs) || start < first - 1) fail();
    } else {
      const [, given, offset] = since.cursor.split(':');
      if (given !== epoch ? start !== 0 : start !== Math.min(Number(offset), last)) fail();
    }
  }

  account(process: number, queue: number): QueueAccount | undefined {
    return this.#accounts.get(`${process}/${queue}`);
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
      this.settings,
      (reader) => this.fault?.reader?.(reader, this),
    );
    this.running.set(subject, application);
    this.#applications.set(application.name, application);
    void application.start(() => ready(application));
    return application;
  }

  get readers(): Reader[] {
    return [...this.running.values()].flatMap((a) => a.readers).filter((r) => !r.isOver && r.subscription);
  }

  // ── what passes the ends of the network ──

  clientSent(wire: Wire, message: Message): void {
    const application = this.#applications.get(wire.client)!;
    for (const frame of framesOfClient(message)) {
      switch (frame.type) {
        case 'subscribe':
          if (!application.byRef.has(frame.ref))
            application.byRef.set(frame.ref, application.unsent.shift()!);
          break;
        case 'ack': {
          const reader = this.#readerOf(application, wire.process, frame.queue);
          this.#acked(reader, frame.upTo, frame.ranges);
          break;
        }
        case 'hello':
          this.#clientSaysHello(application, frame);
          break;
        case 'invalid':
          this.world.fail('client-frame', `${wire.client} sent ${message.slice(0, 200)}`);
          break;
        default:
      }
    }
  }

  #clientSaysHello(application: Application, { resume }: Extract<ClientFrame, { type: 'hello' }>): void {
    for (const { queue, lastTag, ackedUpTo, ackedRanges, cursor } of resume?.queues ?? []) {
      const reader = application.readers.find((r) => r.account?.id === queue && !r.isOver);
      if (!reader) continue;
      if (reader.lastTag !== lastTag) {
        this.world.fail(
          'resume-tag',
          `${reader.name} resumes after ${lastTag}, having got ${reader.lastTag}`,
        );
      }
      this.#acked(reader, ackedUpTo, ackedRanges);
      reader.resumes(ackedUpTo, cursor);
    }
  }

  #acked(reader: Reader | undefined, upTo: number, ranges: readonly (readonly [number, number])[]): void {
    if (!reader) return;
    reader.acked(reader.ackedUpTo + 1, upTo);
    reader.ackedUpTo = Math.max(reader.ackedUpTo, upTo);
    for (const [from, to] of ranges) reader.acked(from, to);
  }

  #readerOf(application: Application, process: number, queue: number): Reader | undefined {
    return application.readers.find((r) => r.account?.id === queue && r.account.process === process);
  }

  clientReceived(wire: Wire, frames: readonly ServerFrame[]): void {
    const application = this.#applications.get(wire.client)!;
    for (const frame of frames) {
      if (frame.type === 'ok' && frame.result && 'queue' in frame.result) {
        const reader = application.byRef.get(frame.ref);
        const account = this.account(wire.process, frame.result.queue);
        if (reader && account) reader.begin(account);
      } else if (frame.type === 'welcome') {
        this.#clientWelcomed(application, wire, frame);
      } else if (frame.type === 'deliver') {
        const reader = this.#readerOf(application, wire.process, frame.queue);
        if (reader) reader.arrived(frame);
      }
    }
  }

  #clientWelcomed(
    application: Application,
    wire: Wire,
    frame: Extract<ServerFrame, { type: 'welcome' }>,
  ): void {
    application.welcomes++;
    if (application.welcomes > 1) {
      const { lostSessions, resumed } = this.publications;
      (frame.resumed ? resumed : lostSessions).add(`${application.subject} ${application.instance}`);
    }
    const results = new Map(frame.queues.map((result) => [result.was, result]));
    for (const reader of application.readers) {
      if (reader.isOver) continue;
      const result = reader.account && results.get(reader.account.id);
      if (!result || !('queue' in result)) continue;
      if (frame.resumed && result.queue === result.was) reader.mayJump = true;
      else {
        const account = this.account(wire.process, result.queue);
        if (account) reader.begin(account);
      }
    }
  }

  hubReceived(wire: Wire, message: Message): void {
    const [hello] = framesOfClient(message);
    if (hello?.type === 'hello') wire.hello ??= hello;
  }

  hubSent(wire: Wire, frames: readonly ServerFrame[]): void {
    const told = this.#told.get(wire.process)!;
    for (const frame of frames) {
      if (frame.type === 'deliver') {
        told.deliveries += frame.items.length;
        for (const item of frame.items) {
          if (item.kind !== 'gap') continue;
          told.gaps++;
          for (const { reason } of [item.gap, ...item.gap.ranges]) this.#reach(`gap ${reason}`);
        }
        for (const [, note] of frame.notes) for (const what of Object.keys(note)) this.#reach(`note ${what}`);
        const account = this.account(wire.process, frame.queue);
        account?.sent(frame, this.hub.engine.bounds('v'));
      } else if (frame.type === 'mark') {
        this.account(wire.process, frame.queue)?.marked(frame.cursor);
      } else if (frame.type === 'welcome') {
        this.#hubWelcomes(wire, frame, told);
      } else if (frame.type === 'error' || frame.type === 'refused') {
        this.#reach(`${frame.type} ${errorOfCode(frame.code)?.name}`);
      } else if (frame.type === 'confirm') {
        for (const { duplicate } of frame.runs) if (duplicate) this.#reach('confirm duplicate');
      }
    }
  }

  hubClosed(_: Wire, code: number): void {
    this.#reach(`close ${errorOfCode(code)?.name ?? code}`);
  }

  #reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  #hubWelcomes(wire: Wire, frame: Extract<ServerFrame, { type: 'welcome' }>, told: Told): void {
    if (wire.hello?.resume) this.#reach(frame.resumed ? 'resumed' : 'begun anew');
    if (frame.resumed) told.resumed++;
    else if (wire.hello?.resume) told.lost++;
    if (!this.unlucky.delete(wire.client)) return;
    this.world.note(`the welcome of ${wire.client} is lost`);
    this.world.after(0, 'cut', () => wire.end.link.cut('lost'));
  }

  // ── checks ──

  #step(): void {
    for (const { name, openPublishes } of this.running.values()) {
      if (openPublishes > this.settings.outboxMessages) {
        this.world.fail('bound', `${name} has ${openPublishes} publishes open`);
      }
    }
    if (!this.hub.isAlive) return;
    this.#checks.check(this.hub);
    if (this.world.steps % QUEUE_CHECK_EVERY === 0) this.#checkQueues();
  }

  #checkQueues(): void {
    for (const session of this.hub.insides.context.sessions.values()) {
      for (const id of session.subscriptions.keys())
        this.account(this.hub.number, id)?.check(this.truth.last(this.hub.epoch));
    }
  }

  /** True once nothing is under way any more: all answers are in, all rings are empty, all readers at the head. */
  get isQuiet(): boolean {
    if (this.publications.pending > 0) return false;
    const { context } = this.hub.insides;
    if (!this.hub.isAlive || context.draining) return false;
    for (const application of this.running.values()) {
      if (application.isOver || application.hub?.state !== 'online') return false;
      for (const reader of application.readers) if (!reader.isOver && !reader.isDrained) return false;
    }
    for (const session of context.sessions.values()) {
      if (!session.link) return false;
      for (const { queue } of session.subscriptions.values()) {
        if (queue.reader.phase !== 'live' || queue.hasSomethingToSend || queue.ready.length > 0) return false;
        if (queue.window.unsettled > 0) return false;
      }
    }
    return context.sessions.size === this.running.size;
  }

  /** What is not quiet, for a run that does not end. */
  get unrest(): string {
    const parts: string[] = [];
    parts.push(`${this.publications.pending} publishes pending`);
    for (const a of this.running.values()) {
      parts.push(`${a.name} ${a.hub?.state ?? 'starting'}${a.isOver ? ' over' : ''}`);
      for (const r of a.readers) if (!r.isOver && !r.subscription) parts.push(`${r.name} is not subscribed`);
    }
    for (const session of this.hub.insides.context.sessions.values()) {
      for (const { queue } of session.subscriptions.values()) {
        const { ready, window, reader, prefetch } = queue;
        parts.push(
          `queue ${queue.id} ${session.principal.subject} ${session.state}: ${reader.phase}, ${ready.length} ready, ` +
            `${window.unsettled} unsettled of ${prefetch}, sent ${window.sentTag}/${window.lastTag}`,
        );
      }
    }
    parts.push(
      `${this.hub.insides.context.sessions.size} sessions, hub ${this.hub.isAlive ? 'alive' : 'dead'}`,
    );
    return parts.join('; ');
  }

  /** With everything drained: every promise, and the hub's own figures against what was seen from outside. */
  checkAccounts(): void {
    this.#checkQueues();
    this.publications.check();
    for (const reader of this.readers) {
      reader.check();
      reader.checkCursor(reader.subscription!.cursor);
    }
    const stats = this.hub.hub.stats();
    const told = this.#told.get(this.hub.number)!;
    const same = (what: string, seen: number, said: number): void => {
      if (seen !== said) this.world.fail('stats', `${what}: ${seen} seen, ${said} said`);
    };
    same('publishes taken', this.truth.last(this.hub.epoch), stats.publishes.taken);
    same('deliveries', told.deliveries, stats.deliveries);
    same('gaps', told.gaps, stats.gaps);
    // A connection that ended in the turn of its hello never got its welcome.
    const { resumed, lost } = stats.resumes;
    if (resumed < told.resumed || lost < told.lost) {
      this.world.fail(
        'stats',
        `${told.resumed} resumed and ${told.lost} lost seen, ${resumed} and ${lost} said`,
      );
    }
    same('sessions', this.running.size, stats.sessions.attached);
    same('queues', this.readers.length, stats.queues);
    same('ready', 0, stats.ledger.ready);
    same('inflight', 0, stats.ledger.inflight);
    same('residual', 0, stats.ledger.residual);
  }

  /** With everybody gone: nothing is left behind. */
  checkBaseline(): void {
    const { context } = this.hub.insides;
    const left: Record<string, number> = {
      'held bytes': context.budget.heldBytes,
      sessions: context.sessions.size,
      'parked sessions': this.hub.insides.sessions.parkedCount,
      bindings: context.bindings,
      connections: (this.hub.gateway as unknown as { connections: Set<unknown> }).connections.size,
      wires: this.network.wires.size,
    };
    for (const name of ['amq.topic', 'x.a', 'x.b']) {
      left[`bindings of ${name}`] = context.exchanges.get(name)?.table.bindingCount ?? 0;
    }
    for (const application of this.#applications.values()) {
      if (!application.surroundings.isDead) {
        left[`timers of ${application.name}`] = this.world.pending(`timer of ${application.name}`);
      }
    }
    for (const { id, client, end } of this.network.wires) {
      this.world.note(`wire ${id} of ${client} is left, in state ${end.readyState}`);
    }
    for (const [what, count] of Object.entries(left)) {
      if (count !== 0) this.world.fail('baseline', `${count} ${what} are left`);
    }
  }
}
