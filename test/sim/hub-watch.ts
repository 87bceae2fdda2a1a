/**
 * Watches one hub process from within, at the seams where the order of things is decided: the feed of its engine,
 * changes of routing, queues that begin and end. What is seen goes to the truth, the reference router and the accounts.
 */
import {
  type BindingSpec,
  type ErrorName,
  type LogId,
  parseCursor,
  type Since,
  type SubscribeOptions,
} from '@ringhub/protocol';
import type { Session } from '../../server/src/core/session.ts';
import type { DurableLog } from '../../server/src/engines/durable-log.ts';
import type { TopologyCommand } from '../../server/src/hub/topology.ts';
import type { NewRecord, StoredRecord } from '../../server/src/ports/engine.ts';
import type { DiskBook } from './disk-book.ts';
import { watchHistory } from './history-watch.ts';
import { type HubProcess, OPERATOR } from './hub-process.ts';
import type { LogAccount } from './log-account.ts';
import { type Permits, roleOf } from './permits.ts';
import { QueueAccount } from './queue-account.ts';
import { isDurable, isFor, ReferenceRouter } from './reference-router.ts';
import { DISK_EPOCH, type Taken, type Truth, takenOf } from './truth.ts';
import type { World } from './world.ts';

export class HubWatch {
  router = new ReferenceRouter();
  /** Records that the feed has brought. */
  fed = 0;
  readonly accounts = new Map<number, QueueAccount>();
  /** Made by the fault planted in this run, for each queue. */
  onQueue: (account: QueueAccount) => void = () => {};
  /** Each log, and the epoch of its present life. */
  readonly #epochs: readonly (readonly [LogId, string])[];

  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    private readonly process: HubProcess,
    private readonly book: DiskBook,
    private readonly permits: Permits,
    private readonly reach: (what: string) => void,
  ) {
    const { engine, epoch } = process;
    truth.begin(epoch);
    this.#epochs = engine.logs.map((log) => [log, log === 'd' ? DISK_EPOCH : epoch]);
    this.#findRecords();
    this.#watchEngine();
    this.#watchAppends();
  }

  /** What the disk holds beyond what was shown: of the records handed to it all up to one, each as it was published. */
  #findRecords(): void {
    const { engine } = this.process;
    if (this.#epochs.length < 2) return;
    const { first, last } = engine.bounds('d');
    if (last < this.truth.last(DISK_EPOCH))
      this.world.fail('durable', `the log ends at ${last}, shown were ${this.truth.last(DISK_EPOCH)}`);
    const { appended, isTorn } = this.book;
    for (const taken of appended) if (taken.offset <= last) this.truth.take(taken);
    if (appended.length > 0) this.reach(appended[0]!.offset <= last ? 'kept unseen' : 'lost unseen');
    if (isTorn) this.reach('torn');
    this.book.appended = [];
    if (last > this.truth.last(DISK_EPOCH)) this.world.fail('durable', `nobody published what is at ${last}`);
    engine.read('d', first - 1, Number.MAX_SAFE_INTEGER, (entries) => {
      if (entries.length !== last - first + 1)
        this.world.fail('durable', `${entries.length} records from ${first} to ${last}`);
      for (const entry of entries) {
        const taken = this.truth.at(DISK_EPOCH, entry.offset);
        const isSame =
          entry.kind === 'message' && entry.key === taken?.key && entry.payload === taken.payload;
        if (!isSame) this.world.fail('durable', `offset ${entry.offset} is not what was published`);
      }
    });
  }

  /** Sees what is handed to the disk: where it goes is decided now, whenever it is on disk. */
  #watchAppends(): void {
    const { log } = (this.process.engine as unknown as { durable?: { log: DurableLog } }).durable ?? {};
    if (!log) return;
    const append = log.append.bind(log);
    log.append = (record) => {
      const stored = append(record);
      this.book.appended.push(
        takenOf(DISK_EPOCH, stored, this.#reachedBy(record), this.world.nowMs, this.process.number),
      );
      return stored;
    };
  }

  #reachedBy({ exchange, key, headers, subject }: NewRecord): Pick<Taken, 'reached' | 'exchanges'> {
    const declared = this.router.exchanges.get(exchange);
    if (declared && !this.permits.may(roleOf(subject), 'publish', declared, key))
      this.world.fail('permission', `${subject} has published to ${exchange} with ${key}`);
    const reached = this.router.reach(exchange, key, headers);
    if (reached.length > 1) this.reach('publish through several exchanges');
    return { reached: reached.map(({ incarnation }) => incarnation), exchanges: reached };
  }

  /** Sees what the engine takes, before the hub's feed does. */
  #watchEngine(): void {
    const { engine } = this.process;
    const onFeed = engine.onFeed.bind(engine);
    engine.onFeed = (handler) =>
      onFeed((record) => {
        const taken = this.#fed(record);
        const due = this.#sessionsFor(taken);
        handler(record);
        // Relief of memory, or a ring that was full, may have ended some before their turn.
        const isLess = record.sessions < due && record.sessions < this.#sessionsFor(taken);
        if (record.sessions > due || isLess) {
          this.world.fail(
            'routing',
            `offset ${record.offset} reached ${record.sessions} sessions, not ${due}`,
          );
        }
      });
  }

  #fed(record: StoredRecord): Taken {
    // Dead letters are of the hub itself.
    if (!record.xDeath) this.fed++;
    const taken =
      record.log === 'd'
        ? this.book.appended.shift()!
        : takenOf(this.process.epoch, record, this.#reachedBy(record), this.world.nowMs, this.process.number);
    this.world.note(`fed ${taken.log}${taken.offset} ${taken.payload.split(' ')[0]} to ${taken.exchange}`);
    const isNext = this.truth.take(taken) && taken.offset === record.offset;
    if (!isNext) this.world.fail('log', `offset ${record.offset} is not the next one`);
    return taken;
  }

  /** Whether an exchange of this name is durable now. */
  isDurable(name: string): boolean {
    return this.router.exchanges.get(name)?.options.durable === true;
  }

  #sessionsFor(taken: Taken): number {
    let count = 0;
    for (const session of this.process.insides.context.sessions.values()) {
      for (const queue of session.subscriptions.keys()) {
        if (!isFor(this.router.bindingsOf(queue), taken)) continue;
        count++;
        break;
      }
    }
    return count;
  }

  /** Called once the hub is there, before anybody connects. */
  watchHub(): void {
    this.#findDefinitions();
    this.#watchDeclare();
    this.#watchChanges();
    this.#watchSubscribe();
    this.#watchEnd();
    this.#watchRelief();
    watchHistory(this.world, this.truth, this.router, this.permits, this.process, this.reach);
  }

  #findDefinitions(): void {
    const kept = this.book.found(this.process.insides.context);
    if (!kept) this.world.fail('definitions', 'the exchanges found on the disk were never there like this');
    this.router = new ReferenceRouter(this.book.incarnations, kept);
    this.router.onRebound = (queue, bindings) => this.accounts.get(queue)?.rebound(bindings);
    this.router.onKept = () => this.book.changed(this.router.kept);
  }

  #watchDeclare(): void {
    const { exchanges } = this.process.insides.context;
    const declare = exchanges.declare.bind(exchanges);
    exchanges.declare = (name, options, ...rest) => {
      if (!this.router.exchanges.has(name) && this.router.deleted.has(name)) this.reach('declared anew');
      const due = this.router.declare(name, options);
      const error = declare(name, options, ...rest);
      const declared = this.router.exchanges.get(name);
      if (!error && declared) this.book.given(declared, exchanges.get(name)!.incarnation);
      this.world.note(`declare ${name} ${options.type} ${error ?? ''}`);
      this.#answers(`declare ${name}`, error, due);
      return error;
    };
  }

  #watchChanges(): void {
    const { graph } = this.process.insides;
    const change = graph.change.bind(graph);
    graph.change = (session, command, done) => {
      const isOfQueue = 'to' in command && typeof command.to === 'object';
      const isDeclare = command.type === 'declare';
      const due = isDeclare || isOfQueue ? undefined : this.#changed(session, command);
      const isStored = this.#isStored(command);
      let confirm: (() => void) | undefined;
      let isDone = false;
      change(session, command, (answer) => {
        const refusal = answer && 'error' in answer ? answer : undefined;
        const text = JSON.stringify({ ...command, ref: undefined });
        this.world.note(`${text} ${refusal?.error ?? ''}`);
        if (!isDeclare && !isOfQueue) this.#answers(text, refusal?.error, due);
        if (!refusal && !isDeclare)
          this.reach('to' in command ? `${command.type} ${typeof command.to}` : command.type);
        isDone = refusal === undefined;
        if (isDone) confirm?.();
        done(answer);
      });
      if (!isStored) return;
      confirm = this.book.confirming;
      if (isDone) confirm();
    };
  }

  /** Whether a command is answered once the disk has it. */
  #isStored(command: TopologyCommand): boolean {
    if (command.type === 'declare') return 'durable' in command.options && command.options.durable === true;
    if (command.type === 'delete') return this.isDurable(command.exchange);
    return typeof command.to === 'string' && this.isDurable(command.to);
  }

  #changed(session: Session, command: TopologyCommand): string | undefined {
    if (command.type === 'declare') return undefined;
    const { router } = this;
    if (command.type === 'delete') return router.delete(command.exchange, command.ifUnused);
    const { type, to, binding } = command;
    const { role } = session.principal;
    if (typeof to === 'string')
      return this.#linkFault(role, to, binding) ?? router[type === 'bind' ? 'link' : 'unlink'](to, binding);
    if (typeof to !== 'number') return undefined;
    if (!session.subscriptions.has(to)) return 'unknown-queue';
    return this.#readFault(role, binding) ?? router[type](to, binding);
  }

  /** Why a binding may not be read by, or is of nothing. */
  #readFault(role: string, [name, key]: BindingSpec): ErrorName | undefined {
    if (!this.permits.maySome(role, 'subscribe', name)) return 'forbidden';
    const exchange = this.router.exchanges.get(name);
    if (!exchange) return 'unknown-exchange';
    return this.permits.mayByBinding(role, 'subscribe', exchange, key) ? undefined : 'forbidden';
  }

  #linkFault(role: string, to: string, [name, key]: BindingSpec): ErrorName | undefined {
    const { permits } = this;
    if (!permits.maySome(role, 'subscribe', name) || !permits.maySome(role, 'publish', to))
      return 'forbidden';
    const source = this.router.exchanges.get(name);
    if (!source || !this.router.exchanges.has(to)) return 'unknown-exchange';
    const isPermitted =
      permits.mayByBinding(role, 'subscribe', source, key) &&
      permits.mayByBinding(role, 'publish', { name: to, options: source.options }, key);
    return isPermitted ? undefined : 'forbidden';
  }

  #answers(what: string, said: string | undefined, due: string | undefined): void {
    if (said !== due) this.world.fail('topology', `${what} is answered ${said ?? 'ok'}, not ${due ?? 'ok'}`);
  }

  #watchSubscribe(): void {
    const { subscriptions } = this.process.insides;
    const subscribe = subscriptions.subscribe.bind(subscriptions);
    subscriptions.subscribe = (session, options) => {
      const { role } = session.principal;
      const fault = this.#faultOf(role, options);
      const result = subscribe(session, options);
      if ('error' in result) {
        this.#answers('subscribe', result.error, fault);
        return result;
      }
      if (fault) this.#answers('subscribe', undefined, fault);
      for (const spec of options.bindings) this.router.bind(result.queue, spec);
      const subscription = session.subscriptions.get(result.queue)!;
      const bindings = this.router.bindingsOf(result.queue);
      const { world, truth, process } = this;
      const epochs = this.#epochs;
      const account = new QueueAccount(world, truth, process.number, epochs, options, subscription, bindings);
      account.wallMs = () => process.wallMs;
      account.mayRead = (taken) => this.mayRead(role, taken);
      this.accounts.set(result.queue, account);
      this.#checkStart(account, options);
      const { queue } = subscription;
      const resume = queue.resume.bind(queue);
      queue.resume = (lastTag, ...rest) => {
        account.resumed(lastTag);
        resume(lastTag, ...rest);
      };
      this.onQueue(account);
      return result;
    };
  }

  /** Why a subscription is to be refused. */
  #faultOf(role: string, { bindings, since }: SubscribeOptions): string | undefined {
    for (const spec of bindings) {
      const fault = this.#readFault(role, spec);
      if (fault) return fault;
    }
    const exchanges = bindings.map(([name]) => this.router.exchanges.get(name)!);
    if (typeof since !== 'object' || !('cursor' in since)) return undefined;
    const logs = new Set(exchanges.map((one) => (isDurable(one) ? 'd' : 'v')));
    return parseCursor(since.cursor)?.some(({ log }) => logs.has(log)) ? undefined : 'bad-cursor';
  }

  /** How often there was too much in memory. */
  #watchRelief(): void {
    const { budget } = this.process.insides.context;
    Object.defineProperty(budget, 'exceeded', {
      configurable: true,
      get: () => {
        const isExceeded = budget.heldBytes > budget.budgetBytes;
        if (isExceeded) this.reach('memory relief');
        return isExceeded;
      },
    });
  }

  #watchEnd(): void {
    const { subscriptions, context } = this.process.insides;
    const end = subscriptions.end.bind(subscriptions);
    subscriptions.end = (subscription, reason) => {
      const { ledger, id } = subscription.queue;
      this.accounts.get(id)?.check((log) => context.feedOffset(log) - 1);
      this.router.end(id);
      end(subscription, reason);
      if (subscription.queue.residual !== 0 || ledger.routed !== ledger.settled) {
        this.world.fail(
          'ledger',
          `queue ${id} ended with ${ledger.routed} routed, ${ledger.settled} settled`,
        );
      }
    };
  }

  /** A subscription begins where it was asked to. */
  #checkStart({ logs }: QueueAccount, { since = 'live' }: SubscribeOptions): void {
    for (const part of logs) if (part.isRead) this.#checkStartOf(part, since);
  }

  #checkStartOf({ log, epoch, start }: LogAccount, since: Since): void {
    const last = this.truth.last(epoch);
    const { first } = this.process.engine.bounds(log);
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
      const given = parseCursor(since.cursor)?.find((one) => one.log === log);
      // A log that the cursor says nothing of is read from now on.
      const due = !given ? last : given.epoch !== epoch ? 0 : Math.min(given.offset, last);
      if (start !== due) fail();
    }
  }

  /** Whether somebody may be given a message now. */
  mayRead(role: string, { exchanges, key }: Taken): boolean {
    return exchanges.some((exchange) => this.permits.may(role, 'subscribe', exchange, key));
  }

  /** Nobody, here or away, has a subscription that may not be. */
  checkPermissions(): void {
    for (const session of this.process.insides.context.sessions.values()) {
      const { role } = session.principal;
      for (const id of session.subscriptions.keys()) {
        for (const { exchange, spec } of this.router.bindingsOf(id)) {
          if (this.permits.mayByBinding(role, 'subscribe', exchange, spec[1])) continue;
          this.world.fail('permission', `queue ${id} still has ${exchange.name} ${spec[1]}`);
        }
      }
    }
  }

  /** Nothing that the log has is still on its way to the rings. */
  checkFed(): void {
    const { feedOffset } = this.process.insides.context;
    for (const [log, epoch] of this.#epochs) {
      const [fed, last] = [feedOffset(log), this.truth.last(epoch)];
      if (fed !== last) this.world.fail('fed', `the rings were given ${log} up to ${fed} of ${last}`);
    }
  }

  /** Queues against the truth, and what the hub lists against the reference router. */
  check(): void {
    const { process, router, world } = this;
    const { sessions, feedOffset } = process.insides.context;
    for (const session of sessions.values()) {
      // What goes the same way waits for the end of its turn, to be given to each ring together.
      for (const id of session.subscriptions.keys()) this.accounts.get(id)?.check(feedOffset);
    }
    this.checkPermissions();
    const { exchanges, bindings } = process.hub.topology(OPERATOR);
    const names = exchanges.map(({ name }) => name).sort();
    const due = [...router.exchanges.keys()].sort();
    if (names.join() !== due.join()) world.fail('topology', `${names} are listed, not ${due}`);
    const said = bindings.filter(({ to }) => !('namedQueue' in to)).length;
    if (said !== router.listed.length)
      world.fail('topology', `${said} bindings, not ${router.listed.length}`);
  }
}
