/**
 * A hub with eve, whose permissions are random and change, and root, who may do everything: eve tries things, and each
 * answer and everything she is shown is held against the naive reference. A leak is a message shown to her that she may not
 * read, or an answer other than `forbidden` to what is not permitted; a refusal of what is permitted is a fault, too.
 */
import { decodeServerMessage, ERRORS, type Item, type Topology, type Welcome } from '@ringhub/protocol';
import { Principals } from '../../../server/src/auth/principal.ts';
import type { PermissionRule } from '../../../server/src/core/permission-rules.ts';
import { matchesByDefinition } from '../../core/topic-reference.ts';
import { HubScene } from './hub-scene.ts';
import type { Attempt } from './permission-attempts.ts';
import { type Hole, holed, plant } from './permission-holes.ts';
import { PermissionReference } from './permission-reference.ts';
import type { RawFrame, ResumeEntry, ScriptedClient } from './scripted-client.ts';

const EVE = 'eve';
const MALFORMED = [ERRORS['bad-argument'], ERRORS['bad-name'], ERRORS['default-exchange']].map(
  ({ code }) => code,
);

export class PermissionWorld {
  readonly leaks: string[] = [];
  private readonly scene: HubScene;
  private readonly principals = new Principals();
  private reference: PermissionReference;
  private eve: ScriptedClient;
  private welcome: Welcome;
  private seq = 0;
  private refs = 0;
  /** Numbers of her session queues, and of her consumers with the queues' names. */
  private subscriptions: ResumeEntry[] = [];
  private consumers = new Map<number, string>();
  /** The named queue that she asks to consume from. */
  private consuming: string | undefined;
  private tags = new Map<number, number>();
  /** Where each message got to, by offset. */
  private readonly reached = new Map<number, readonly string[]>();
  private topology: Topology | undefined;

  constructor(rules: readonly PermissionRule[], hole?: Hole) {
    this.principals.set('browser', rules);
    this.reference = new PermissionReference(rules, EVE);
    const { of } = this.principals;
    this.scene = new HubScene({
      principal: (subject) =>
        subject === EVE ? holed(of({ subject, role: 'browser' }), hole) : of({ subject, role: 'server' }),
    });
    plant(hole, this.scene.hub, of({ subject: 'root', role: 'server' }));
    const root = this.scene.client('root');
    root.send(
      ['declare', 1, 't', { type: 'topic' }],
      ['declare', 2, 'd', { type: 'direct' }],
      ['declare', 3, 'f', { type: 'fanout' }],
      ['declare', 4, 'h', { type: 'headers' }],
      ['declare', 5, 't2', { type: 'topic' }],
      ['declare', 6, 'inbox.eve', { type: 'topic' }],
      ['declare', 7, 'inbox.bob', { type: 'topic' }],
      ['bind', 8, 't2', 't', 'a.#'],
      ['bind', 9, 'f', 'd', 'b'],
      ['declareQueue', 10, 'q1', {}],
      ['declareQueue', 11, 'eve', { deadLetterExchange: 't2' }],
      ['bind', 12, { queue: 'q1' }, 't', '#'],
      ['bind', 13, { queue: 'eve' }, 'f', ''],
    );
    this.eve = this.scene.connect();
    this.welcome = this.eve.hello({ token: EVE });
    this.eve.take();
  }

  attempt(attempt: Attempt): void {
    this.topology = undefined;
    this.perform(attempt);
    this.scene.clock.settle();
    this.look();
  }

  private perform(attempt: Attempt): void {
    const { reference } = this;
    switch (attempt.do) {
      case 'publish':
        this.publish(attempt);
        return;
      case 'http-publish':
        this.publishWithout(attempt, EVE);
        return;
      case 'root-publish':
        this.publishWithout(attempt, 'root');
        return;
      case 'subscribe': {
        const { exchange, pattern, since } = attempt;
        const options = { bindings: [[exchange, pattern] as const], since };
        const result = this.ask(['subscribe', this.ref(), options], this.mayRead(exchange, pattern));
        if (result) this.subscriptions.push({ queue: result.queue as number, options });
        return;
      }
      case 'bind': {
        const [own] = this.subscriptions;
        if (!own) return;
        const { exchange, pattern } = attempt;
        this.ask(['bind', this.ref(), own.queue, exchange, pattern], this.mayRead(exchange, pattern));
        return;
      }
      case 'history':
      case 'http-history':
        this.history(attempt);
        return;
      case 'listen':
        this.listen(attempt);
        return;
      case 'declare': {
        const { exchange, alternate } = attempt;
        const isPermitted =
          reference.may('declare', exchange) &&
          (alternate === undefined ||
            (reference.all('subscribe', exchange, '#') && reference.all('publish', alternate, '#')));
        this.ask(
          ['declare', this.ref(), exchange, { type: 'topic', ...(alternate !== undefined && { alternate }) }],
          isPermitted,
        );
        return;
      }
      case 'passive': {
        const { exchange } = attempt;
        const actions = ['publish', 'subscribe', 'declare', 'bind', 'delete'] as const;
        const isPermitted = actions.some((action) => reference.some(action, exchange));
        this.ask(['declare', this.ref(), exchange, { passive: true }], isPermitted);
        return;
      }
      case 'delete':
        this.ask(['delete', this.ref(), attempt.exchange], reference.may('delete', attempt.exchange));
        return;
      case 'link':
      case 'unlink': {
        const { exchange, pattern, to } = attempt;
        const type = this.typeOf(exchange);
        const isKnown =
          reference.some('bind', exchange) &&
          reference.some('subscribe', exchange) &&
          reference.some('publish', to);
        const isPermitted =
          isKnown &&
          (type === undefined ||
            this.typeOf(to) === undefined ||
            (reference.binding('bind', exchange, type, pattern) &&
              reference.binding('subscribe', exchange, type, pattern) &&
              reference.binding('publish', to, type, pattern)));
        this.ask([attempt.do === 'link' ? 'bind' : 'unbind', this.ref(), to, exchange, pattern], isPermitted);
        return;
      }
      case 'bind-queue': {
        const { exchange, pattern, queue } = attempt;
        const type = this.typeOf(exchange);
        const isPermitted =
          reference.some('bind', exchange) &&
          reference.some('subscribe', exchange) &&
          reference.may('declare-queue', queue) &&
          (type === undefined ||
            exchange === '' ||
            (reference.binding('bind', exchange, type, pattern) &&
              reference.binding('subscribe', exchange, type, pattern)));
        this.ask(['bind', this.ref(), { queue }, exchange, pattern], isPermitted);
        return;
      }
      case 'declare-queue': {
        const { queue, deadLetterExchange, deadLetterKey } = attempt;
        const mayBury =
          deadLetterExchange === undefined ||
          (reference.may('consume', queue) &&
            (deadLetterKey === undefined
              ? reference.all('publish', deadLetterExchange, '#')
              : reference.may('publish', deadLetterExchange, deadLetterKey)));
        const isThere = this.overview().queues.some(({ name }) => name === queue);
        const isPermitted = reference.may('declare-queue', queue) && (isThere || mayBury);
        const options = { deadLetterExchange, ...(deadLetterExchange !== undefined && { deadLetterKey }) };
        this.ask(['declareQueue', this.ref(), queue, JSON.parse(JSON.stringify(options))], isPermitted);
        return;
      }
      case 'consume': {
        const isPermitted = reference.may('consume', attempt.queue);
        this.consuming = attempt.queue;
        this.ask(['consume', this.ref(), { consume: attempt.queue }], isPermitted);
        this.consuming = undefined;
        return;
      }
      case 'inspect':
        this.ask(['inspect', this.ref(), attempt.queue], reference.may('consume', attempt.queue));
        return;
      case 'purge':
        this.ask(['purge', this.ref(), attempt.queue], reference.may('delete-queue', attempt.queue));
        return;
      case 'delete-queue':
        this.ask(['deleteQueue', this.ref(), attempt.queue], reference.may('delete-queue', attempt.queue));
        return;
      case 'reject':
        for (const queue of this.consumers.keys()) {
          const tag = this.tags.get(queue);
          if (tag) this.eve.send(['reject', queue, [[1, tag]]]);
          this.tags.delete(queue);
        }
        return;
      case 'list':
        this.list();
        return;
      case 'cut':
        this.comeBack(() => {});
        return;
      case 'grant':
        this.grant(attempt.rules);
        return;
      default:
        attempt satisfies never;
    }
  }

  // ── eve's attempts ──

  private publish({ exchange, key }: { exchange: string; key: string }): void {
    const seq = ++this.seq;
    const reached = this.reachedFrom(exchange, key);
    this.eve.send(['publish', seq, exchange, key, `by eve ${key}`]);
    const frames = this.look();
    const refused = frames.find((frame) => frame.type === 'refused' && frame.seq === seq);
    const confirm = frames.find((frame) => frame.type === 'confirm');
    if (confirm?.type === 'confirm') for (const run of confirm.runs) this.reached.set(run.offset, reached);
    this.compare(
      `publish ${exchange} ${key}`,
      refused && 'code' in refused ? refused.code : 0,
      this.reference.may('publish', exchange, key),
    );
  }

  private publishWithout({ exchange, key }: { exchange: string; key: string }, who: string): void {
    const reached = this.reachedFrom(exchange, key);
    const request = { exchange, key, payload: `by ${who} ${key}`, properties: {} };
    this.scene.hub.publish(this.scene.principal(who), request, (outcome) => {
      if (outcome.kind === 'taken') this.reached.set(outcome.offset, reached);
      if (who !== EVE) return;
      const code = outcome.kind === 'refused' ? ERRORS[outcome.error].code : 0;
      this.compare(`http publish ${exchange} ${key}`, code, this.reference.may('publish', exchange, key));
    });
    this.scene.clock.settle();
  }

  private history({
    do: how,
    exchange,
    pattern,
  }: Extract<Attempt, { pattern: string; since: unknown }>): void {
    const request = { bindings: [[exchange, pattern] as const], before: null };
    const isPermitted = this.mayRead(exchange, pattern);
    if (how === 'history') {
      const result = this.ask(['history', this.ref(), request], isPermitted);
      for (const item of (result?.items as Item[] | undefined) ?? []) this.shown(item, 'history');
      return;
    }
    this.scene.hub.history(this.scene.principal(EVE), request, (answer) => {
      const code = 'error' in answer ? ERRORS[answer.error].code : 0;
      this.compare(`http history ${exchange} ${pattern}`, code, isPermitted);
      if ('items' in answer) for (const item of answer.items) this.shown(item, 'http history');
    });
    this.scene.clock.settle();
  }

  private listen({ exchange, pattern, since }: Extract<Attempt, { pattern: string; since: unknown }>): void {
    const listening = this.scene.hub.listen(
      this.scene.principal(EVE),
      { bindings: [[exchange, pattern]], since },
      {
        bufferedBytes: 0,
        send: (message) => {
          for (const frame of decodeServerMessage(message) ?? [])
            if (frame.type === 'deliver') for (const item of frame.items) this.shown(item, 'event stream');
        },
        end: () => {},
      },
    );
    const code = 'error' in listening ? ERRORS[listening.error].code : 0;
    this.compare(`listen ${exchange} ${pattern}`, code, this.mayRead(exchange, pattern));
  }

  private list(): void {
    this.eve.send(['list', this.ref()]);
    const ok = this.look().find((frame) => frame.type === 'ok' && frame.ref === this.refs);
    const { exchanges, bindings, queues } = (ok as unknown as { result: Topology }).result;
    for (const { name } of exchanges)
      if (!this.reference.some('subscribe', name)) this.leaks.push(`list shows ${name}`);
    for (const { exchange, key } of bindings)
      if (!this.reference.binding('subscribe', exchange, this.typeOf(exchange) ?? 'topic', key))
        this.leaks.push(`list shows a binding ${exchange} ${key}`);
    for (const { name } of queues)
      if (!this.reference.may('consume', name)) this.leaks.push(`list shows the queue ${name}`);
  }

  private comeBack(meanwhile: () => void): void {
    this.eve.cut();
    meanwhile();
    this.eve = this.scene.connect();
    const queues: ResumeEntry[] = this.subscriptions.map((one) => ({ ...one, lastTag: 0 }));
    for (const [queue, consume] of this.consumers)
      queues.push({ queue, options: { consume, bindings: undefined } as never });
    const resume = {
      session: this.welcome.session,
      token: this.welcome.resumeToken,
      exchanges: [],
      queues: queues.map(({ options, ...entry }) => ({
        lastTag: 0,
        ackedUpTo: 0,
        ackedRanges: [],
        cursor: null,
        ...entry,
        options: JSON.parse(JSON.stringify(options)),
      })),
    };
    this.welcome = this.eve.hello({ token: EVE, resume });
    this.seq = this.welcome.publishSeq;
    this.tags.clear();
    const named = new Map(this.welcome.queues.map((one) => [one.was, one]));
    const now = (was: number): number | undefined => {
      const result = named.get(was);
      return result && 'queue' in result ? result.queue : undefined;
    };
    this.subscriptions = this.subscriptions.flatMap((one) => {
      const queue = now(one.queue);
      return queue === undefined ? [] : [{ ...one, queue }];
    });
    this.consumers = new Map(
      [...this.consumers].flatMap(([was, name]): [number, string][] => {
        const queue = now(was);
        return queue === undefined ? [] : [[queue, name]];
      }),
    );
  }

  /** Attached or parked, by turns. */
  private grant(rules: readonly PermissionRule[]): void {
    const change = (): void => {
      this.principals.set('browser', rules);
      this.reference = new PermissionReference(rules, EVE);
      this.scene.hub.control.recheck();
    };
    if (this.refs % 2 === 0) change();
    else this.comeBack(change);
    this.scene.clock.settle();
  }

  // ── what is seen ──

  /** Takes what came, and looks at every message in it. */
  private look() {
    const frames = this.eve.take();
    for (const frame of frames) {
      if (frame.type === 'error' && frame.ref === null) this.ended(frame.detail?.queue as number);
      // Deliveries may follow at once.
      if (this.consuming !== undefined && frame.type === 'ok' && frame.ref === this.refs)
        this.consumers.set((frame.result as { queue: number }).queue, this.consuming);
      if (frame.type !== 'deliver') continue;
      const consumed = this.consumers.get(frame.queue);
      this.tags.set(frame.queue, frame.firstTag + frame.items.length - 1);
      for (const item of frame.items) {
        if (consumed === undefined) this.shown(item, `queue ${frame.queue}`);
        else if (!this.reference.may('consume', consumed))
          this.leaks.push(`a message of the queue ${consumed}`);
      }
    }
    return frames;
  }

  private ended(queue: number): void {
    this.subscriptions = this.subscriptions.filter((one) => one.queue !== queue);
    this.consumers.delete(queue);
  }

  private shown(item: Item, where: string): void {
    if (item.kind !== 'message') return;
    // A dead letter was published by the hub: it went where it would go now.
    const reached = this.reached.get(item.offset) ?? this.reachedFrom(item.exchange, item.key);
    const mayRead = reached.some((exchange) => this.reference.may('subscribe', exchange, item.key));
    if (!mayRead) this.leaks.push(`${where}: ${item.exchange} ${item.key}`);
  }

  /** Asks, and returns the result of an answer that is none of refusal. */
  private ask(frame: RawFrame, isPermitted: boolean): Record<string, unknown> | undefined {
    this.eve.send(frame);
    const ref = this.refs;
    const frames = this.look();
    const answer = frames.find((one) => (one.type === 'ok' || one.type === 'error') && one.ref === ref);
    const code = answer && 'code' in answer ? answer.code : 0;
    this.compare(JSON.stringify(frame), answer ? code : -1, isPermitted);
    return answer?.type === 'ok' ? ((answer.result ?? {}) as Record<string, unknown>) : undefined;
  }

  private compare(what: string, code: number, isPermitted: boolean): void {
    // Not even a question.
    if (MALFORMED.includes(code)) return;
    const isForbidden = code === ERRORS.forbidden.code;
    if (code === -1) this.leaks.push(`no answer: ${what}`);
    if (isForbidden === isPermitted) this.leaks.push(`${isForbidden ? 'refused' : 'permitted'}: ${what}`);
  }

  // ── the hub as root sees it ──

  private overview(): Topology {
    this.topology ??= this.scene.hub.topology(this.scene.principal('root'));
    return this.topology;
  }

  private typeOf(exchange: string): string | undefined {
    return this.overview().exchanges.find(({ name }) => name === exchange)?.type;
  }

  private mayRead(exchange: string, pattern: string): boolean {
    const type = this.typeOf(exchange);
    if (type === undefined) return this.reference.some('subscribe', exchange);
    return this.reference.binding('subscribe', exchange, type, pattern);
  }

  /** The exchanges that a message gets to: the graph, followed naively. */
  private reachedFrom(exchange: string, key: string): string[] {
    const { exchanges, bindings } = this.overview();
    const seen = [exchange];
    for (const name of seen) {
      const here = exchanges.find((one) => one.name === name);
      if (!here) continue;
      const leads = bindings.filter((one) => one.exchange === name && fits(here.type, one.key, key));
      const next = leads.flatMap(({ to }) => ('exchange' in to ? [to.exchange] : []));
      if (leads.length === 0 && here.alternate !== undefined) next.push(here.alternate);
      for (const one of next) if (!seen.includes(one)) seen.push(one);
    }
    return seen;
  }

  private ref(): number {
    return ++this.refs;
  }
}

function fits(type: string, bound: string, key: string): boolean {
  if (type === 'topic') return matchesByDefinition(bound, key);
  return type === 'direct' ? bound === key : true;
}
