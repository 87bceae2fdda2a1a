/**
 * Watches one hub process from within, at the seams where the order of things is decided: the feed of its engine,
 * changes of routing, queues that begin and end. What is seen goes to the truth, the reference router and the accounts.
 */
import type { SubscribeOptions } from '@ringhub/protocol';
import { watchHistory } from './history-watch.ts';
import { type HubProcess, principalOf } from './hub-process.ts';
import { QueueAccount } from './queue-account.ts';
import { isFor, ReferenceRouter } from './reference-router.ts';
import type { Taken, Truth } from './truth.ts';
import type { World } from './world.ts';

export class HubWatch {
  readonly router = new ReferenceRouter();
  readonly accounts = new Map<number, QueueAccount>();
  /** Made by the fault planted in this run, for each queue. */
  onQueue: (account: QueueAccount) => void = () => {};

  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    private readonly process: HubProcess,
    private readonly reach: (what: string) => void,
  ) {
    truth.begin(process.epoch);
    this.#watchEngine();
    this.router.onRebound = (queue, bindings) => this.accounts.get(queue)?.rebound(bindings);
  }

  /** Sees what the engine takes, before the hub's feed does. */
  #watchEngine(): void {
    const { engine, epoch } = this.process;
    const onFeed = engine.onFeed.bind(engine);
    engine.onFeed = (handler) =>
      onFeed((record) => {
        const { offset, exchange, key, headers } = record;
        const reached = this.router.reach(exchange, key, headers);
        if (reached.length > 1) this.reach('publish through several exchanges');
        const isNext = this.truth.take(epoch, record, reached, this.world.nowMs);
        if (!isNext) this.world.fail('log', `offset ${offset} is not the next one`);
        const taken = this.truth.at(epoch, offset)!;
        const due = this.#sessionsFor(taken);
        handler(record);
        // Relief of memory, or a ring that was full, may have ended some before their turn.
        const isLess = record.sessions < due && record.sessions < this.#sessionsFor(taken);
        if (record.sessions > due || isLess) {
          this.world.fail('routing', `offset ${offset} reached ${record.sessions} sessions, not ${due}`);
        }
      });
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
    this.#watchDeclare();
    this.#watchChanges();
    this.#watchSubscribe();
    this.#watchEnd();
    watchHistory(this.world, this.truth, this.router, this.process, this.reach);
  }

  #watchDeclare(): void {
    const { exchanges } = this.process.insides.context;
    const declare = exchanges.declare.bind(exchanges);
    exchanges.declare = (name, options) => {
      if (!this.router.exchanges.has(name) && this.router.deleted.has(name)) this.reach('declared anew');
      const due = this.router.declare(name, options);
      const error = declare(name, options);
      this.world.note(`declare ${name} ${options.type} ${error ?? ''}`);
      this.#answers(`declare ${name}`, error, due);
      return error;
    };
  }

  #watchChanges(): void {
    const { graph } = this.process.insides;
    const change = graph.change.bind(graph);
    graph.change = (session, command) => {
      if (command.type === 'declare') return change(session, command);
      const due = this.#changed(session.subscriptions, command);
      const refusal = change(session, command);
      const text = JSON.stringify({ ...command, ref: undefined });
      this.world.note(`${text} ${refusal?.error ?? ''}`);
      this.#answers(text, refusal?.error, due);
      if (!refusal) this.reach('to' in command ? `${command.type} ${typeof command.to}` : command.type);
      return refusal;
    };
  }

  #changed(
    own: ReadonlyMap<number, unknown>,
    command: Exclude<Parameters<HubProcess['insides']['graph']['change']>[1], { type: 'declare' }>,
  ) {
    const { router } = this;
    if (command.type === 'delete') return router.delete(command.exchange, command.ifUnused);
    const { type, to, binding } = command;
    if (typeof to === 'string') return router[type === 'bind' ? 'link' : 'unlink'](to, binding);
    return own.has(to) ? router[type](to, binding) : 'unknown-queue';
  }

  #answers(what: string, said: string | undefined, due: string | undefined): void {
    if (said !== due) this.world.fail('topology', `${what} is answered ${said ?? 'ok'}, not ${due ?? 'ok'}`);
  }

  #watchSubscribe(): void {
    const { subscriptions } = this.process.insides;
    const subscribe = subscriptions.subscribe.bind(subscriptions);
    subscriptions.subscribe = (session, options) => {
      const isUnknown = options.bindings.some(([name]) => !this.router.exchanges.has(name));
      const result = subscribe(session, options);
      if ('error' in result) {
        this.#answers('subscribe', result.error, isUnknown ? 'unknown-exchange' : 'ok');
        return result;
      }
      if (isUnknown) this.#answers('subscribe', 'ok', 'unknown-exchange');
      for (const spec of options.bindings) this.router.bind(result.queue, spec);
      const subscription = session.subscriptions.get(result.queue)!;
      const bindings = this.router.bindingsOf(result.queue);
      const { world, truth, process } = this;
      const account = new QueueAccount(world, truth, process.number, options, subscription, bindings);
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

  #watchEnd(): void {
    const { subscriptions, context } = this.process.insides;
    const end = subscriptions.end.bind(subscriptions);
    subscriptions.end = (subscription, reason) => {
      const { ledger, id } = subscription.queue;
      this.accounts.get(id)?.check(context.feedOffset - 1);
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
  #checkStart({ start }: QueueAccount, { since = 'live' }: SubscribeOptions): void {
    const { epoch, engine } = this.process;
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

  /** Queues against the truth, and what the hub lists against the reference router. */
  check(): void {
    const { process, router, world } = this;
    for (const session of process.insides.context.sessions.values()) {
      for (const id of session.subscriptions.keys())
        this.accounts.get(id)?.check(this.truth.last(process.epoch));
    }
    const { exchanges, bindings } = process.hub.topology(principalOf('observer'));
    const names = exchanges.map(({ name }) => name).sort();
    const due = [...router.exchanges.keys()].sort();
    if (names.join() !== due.join()) world.fail('topology', `${names} are listed, not ${due}`);
    const said = bindings.length;
    if (said !== router.listed.length)
      world.fail('topology', `${said} bindings, not ${router.listed.length}`);
  }
}
