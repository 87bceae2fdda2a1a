/**
 * RabbitMQ, given the same operations as the hub: translated to AMQP, and what came of them back.
 *
 * RabbitMQ answers before all has come to rest: dead letters are on their way from queue to queue, deliveries to consumers. So what it
 * made of an operation is looked at until it is what is expected, and then once more; where that does not happen, until time is up.
 */
import { AmqpTranslation, isOurs } from './amqp-translation.ts';
import type { Answer, BrokerState, Outcome, QueueState, Said, Seen } from './outcome.ts';
import { payloadOf } from './payload.ts';
import { type Consuming, RabbitmqClient, saidOf } from './rabbitmq-client.ts';
import type { Actor, Operation } from './topology.ts';

/** With how many looks, at least, the expected is waited for. */
const PATIENT_LOOKS = 20;

interface NamedConsuming extends Consuming {
  readonly by: Actor;
  readonly queue: string;
}

/** How long to wait for what is expected. */
export interface Patience {
  readonly waitMs: number;
}

export class RabbitmqBroker {
  private readonly clients = new Map<Actor, RabbitmqClient>();
  private readonly consumers = new Map<string, NamedConsuming>();
  private readonly queues = new Set<string>();
  private readonly exchanges = new Set<string>();
  /** Only this client may look at these. */
  private readonly exclusive = new Map<string, Actor>();
  /** Those that have a delivery limit. */
  private readonly limited = new Set<string>();
  private amqp = new AmqpTranslation('');

  constructor(private readonly url: string) {}

  /** What follows has names of its own. */
  begin(prefix: string): void {
    this.amqp = new AmqpTranslation(prefix);
  }

  /**
   * Does it, and tells what came of it.
   *
   * @param expected what the other broker made of it
   */
  async perform(operation: Operation, expected: Outcome, { waitMs }: Patience): Promise<Outcome> {
    const answer = await this.answer(operation);
    const until = performance.now() + waitMs;
    if (operation.does === 'drain') {
      await this.until(until, async () => this.hasReceived(expected));
      // One look more, so that what is too much comes, too.
      await this.look(expected.state);
      const received = this.received();
      await this.leave(operation.consumer);
      const state = await this.lookFor(expected, until);
      return { answer, ...received, state };
    }
    let state = await this.lookFor(expected, until);
    // What moves messages may still move one more.
    if (movesMessages(operation)) state = await this.look(expected.state);
    return { answer, ...this.received(), state };
  }

  /** Takes away all that the last topology left. */
  async end(): Promise<void> {
    await Promise.all([...this.consumers.keys()].map((name) => this.leave(name)));
    const queues = [...this.queues].map(async (name, i) => {
      const client = await this.client(this.exclusive.get(name) ?? 'a');
      await client.looks[i % client.looks.length]!.run((channel) =>
        channel.deleteQueue(this.amqp.there(name)),
      );
    });
    await Promise.all(queues);
    const client = await this.client('a');
    const exchanges = [...this.exchanges].map((name, i) =>
      client.looks[i % client.looks.length]!.run((channel) => channel.deleteExchange(this.amqp.there(name))),
    );
    await Promise.all(exchanges);
    this.queues.clear();
    this.exchanges.clear();
    this.exclusive.clear();
    this.limited.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
    this.clients.clear();
  }

  // ── commands ──

  private async answer(operation: Operation): Promise<Answer> {
    const a = await this.client('a');
    switch (operation.does) {
      case 'declare-exchange': {
        const { name, options } = operation;
        if (isOurs(name)) this.exchanges.add(name);
        return this.said(
          a.commands.run((channel) =>
            channel.assertExchange(this.amqp.there(name), options.type, this.amqp.exchangeOptions(options)),
          ),
        );
      }
      case 'delete-exchange': {
        const { name, ifUnused } = operation;
        return this.said(
          a.commands.run((channel) => channel.deleteExchange(this.amqp.there(name), { ifUnused })),
        );
      }
      case 'bind-exchange':
      case 'unbind-exchange': {
        const [to, from, key, args] = [
          this.amqp.there(operation.to),
          ...this.amqp.bindingOf(operation.binding),
        ] as const;
        return this.said(
          a.commands.run((channel) =>
            operation.does === 'bind-exchange'
              ? channel.bindExchange(to, from, key, args)
              : channel.unbindExchange(to, from, key, args),
          ),
        );
      }
      case 'declare-queue':
        return this.declareQueue(operation);
      case 'delete-queue': {
        const { name, by, ifUnused, ifEmpty } = operation;
        const client = await this.client(by);
        return this.said(
          client.commands.run((channel) => channel.deleteQueue(this.amqp.there(name), { ifUnused, ifEmpty })),
        );
      }
      case 'purge': {
        const client = await this.client(operation.by);
        return this.said(
          client.commands.run((channel) => channel.purgeQueue(this.amqp.there(operation.name))),
        );
      }
      case 'bind-queue':
      case 'unbind-queue': {
        const client = await this.client(operation.by);
        const [to, from, key, args] = [
          this.amqp.there(operation.queue),
          ...this.amqp.bindingOf(operation.binding),
        ] as const;
        return this.said(
          client.commands.run((channel) =>
            operation.does === 'bind-queue'
              ? channel.bindQueue(to, from, key, args)
              : channel.unbindQueue(to, from, key, args),
          ),
        );
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

  private async said(done: Promise<object | Said>): Promise<Answer> {
    const result = await done;
    if (typeof result === 'string') return { said: [result] };
    const { messageCount, consumerCount } = result as { messageCount?: number; consumerCount?: number };
    // A declaration tells both; a purge and a deletion, how many went.
    return consumerCount === undefined && messageCount !== undefined
      ? { said: ['ok'], messages: messageCount }
      : { said: ['ok'] };
  }

  private async declareQueue({
    by,
    name,
    options,
  }: Extract<Operation, { does: 'declare-queue' }>): Promise<Answer> {
    const client = await this.client(by);
    const answer = await this.said(
      client.commands.run((channel) =>
        channel.assertQueue(this.amqp.there(name), this.amqp.queueOptions(options)),
      ),
    );
    if (answer.said[0] === 'ok' && !this.queues.has(name)) {
      this.queues.add(name);
      if (options.exclusive) this.exclusive.set(name, by);
      if (options.deliveryLimit !== undefined) this.limited.add(name);
    }
    return answer;
  }

  private async publish(
    client: RabbitmqClient,
    operation: Extract<Operation, { does: 'publish' }>,
  ): Promise<Answer> {
    const { tag, exchange, key, headers, count, units, mandatory, ttlMs } = operation;
    const channel = await client.publishes.channel;
    const options = {
      mandatory,
      ...(headers && { headers }),
      ...(ttlMs !== undefined && { expiration: String(ttlMs) }),
    };
    const confirms = Array.from({ length: count }, (_, i) => {
      const payload = payloadOf(tag, i, units);
      return new Promise<Said>((resolve, reject) => {
        channel.publish(
          this.amqp.there(exchange),
          this.amqp.there(key),
          Buffer.from(payload),
          options,
          (error) => {
            const failure = error && client.publishes.failure;
            if (failure) {
              try {
                resolve(saidOf(failure));
              } catch (unknown) {
                reject(unknown);
              }
            } else if (error) resolve('queue-refused');
            else resolve(client.returned.includes(payload) ? 'unroutable' : 'ok');
          },
        );
      });
    });
    const said = await Promise.all(confirms);
    client.returned = [];
    return { said };
  }

  private async consume(wish: Omit<Extract<Operation, { does: 'consume' }>, 'does'>): Promise<Answer> {
    const { by, consumer, queue, prefetch, exclusive } = wish;
    const client = await this.client(by);
    const consuming = await client.consume(this.amqp.there(queue), prefetch, exclusive);
    if (typeof consuming === 'string') return { said: [consuming] };
    this.consumers.set(consumer, Object.assign(consuming, { by, queue }));
    return { said: ['ok'] };
  }

  /** The channel goes with the consumer, and what it holds returns. */
  private async leave(name: string): Promise<Answer> {
    const consumer = this.consumers.get(name);
    if (!consumer) return { said: ['nothing'] };
    this.consumers.delete(name);
    await consumer.channel.close();
    return { said: ['ok'] };
  }

  private settle({ consumer: name, how, at, multiple }: Extract<Operation, { does: 'settle' }>): Answer {
    const consumer = this.consumers.get(name);
    if (!consumer || consumer.unsettled.length === 0) return { said: ['nothing'] };
    const { channel, unsettled } = consumer;
    const index = at % unsettled.length;
    const message = unsettled[index]!;
    if (multiple) unsettled.splice(0, index + 1);
    else unsettled.splice(index, 1);
    consumer.settled = message;
    if (how === 'ack') channel.ack(message, multiple);
    else channel.nack(message, multiple, how === 'requeue');
    return { said: ['ok'] };
  }

  private async settleAgain(name: string): Promise<Answer> {
    const consumer = this.consumers.get(name);
    if (!consumer?.settled) return { said: ['nothing'] };
    const closed = new Promise<void>((resolve) => consumer.channel.once('close', resolve));
    consumer.channel.ack(consumer.settled);
    await closed;
    this.consumers.delete(name);
    return { said: [saidOf(consumer.failure)] };
  }

  private async disconnect(): Promise<Answer> {
    await this.clients.get('b')?.close();
    this.clients.delete('b');
    for (const [name, { by }] of this.consumers) if (by === 'b') this.consumers.delete(name);
    return { said: ['ok'] };
  }

  private async client(actor: Actor): Promise<RabbitmqClient> {
    let client = this.clients.get(actor);
    if (!client) {
      client = await RabbitmqClient.connect(this.url);
      this.clients.set(actor, client);
    }
    return client;
  }

  // ── what came of it ──

  /** Looks until all is there that is expected, and nothing else, or until time is up. */
  private async lookFor(expected: Outcome, until: number): Promise<BrokerState> {
    let state: BrokerState;
    await this.until(until, async () => {
      state = await this.look(expected.state);
      return isSameState(state, expected.state) && this.hasReceived(expected) && this.hasEnded(expected);
    });
    return state!;
  }

  /** Asks until it is so; where it is never, a number of times, and until time is up. */
  private async until(until: number, isSo: () => Promise<boolean>): Promise<void> {
    for (let asked = 1; !(await isSo()); asked++) {
      if (asked >= PATIENT_LOOKS && performance.now() > until) return;
      if (asked > 2) await new Promise((resolve) => setTimeout(resolve, Math.min(asked, 10)));
    }
  }

  /** Looks at all that is here, or ought to be. */
  private async look(expected: BrokerState): Promise<BrokerState> {
    const queues = new Map<string, QueueState>();
    const exchanges = new Set<string>();
    const wanted = new Set([...this.queues, ...expected.queues.keys()]);
    const looks = [
      ...[...wanted].map((name) => async (at: number) => {
        const client = await this.client(this.exclusive.get(name) ?? 'a');
        const found = await client.looks[at % client.looks.length]!.run((channel) =>
          channel.checkQueue(this.amqp.there(name)),
        );
        if (typeof found !== 'string') {
          queues.set(name, { ready: found.messageCount, consumers: found.consumerCount });
        } else this.gone(name);
      }),
      ...[...this.exchanges]
        .filter((name) => name.startsWith('x'))
        .map((name) => async (at: number) => {
          const client = await this.client('a');
          const found = await client.looks[at % client.looks.length]!.run((channel) =>
            channel.checkExchange(this.amqp.there(name)),
          );
          if (typeof found !== 'string') exchanges.add(name);
          else this.exchanges.delete(name);
        }),
    ];
    await Promise.all(looks.map((one, at) => one(at)));
    return { queues, exchanges };
  }

  private gone(name: string): void {
    this.queues.delete(name);
    this.exclusive.delete(name);
    this.limited.delete(name);
  }

  private hasReceived({ deliveries }: Outcome): boolean {
    return [...deliveries].every(
      ([name, seen]) => (this.consumers.get(name)?.received.length ?? 0) >= seen.length,
    );
  }

  private hasEnded({ ended }: Outcome): boolean {
    return [...ended].every((name) => this.consumers.get(name)?.isEnded ?? false);
  }

  private received(): Pick<Outcome, 'deliveries' | 'ended'> {
    const deliveries = new Map<string, Seen[]>();
    const ended = new Set<string>();
    for (const [name, consumer] of this.consumers) {
      if (consumer.received.length > 0)
        deliveries.set(
          name,
          consumer.received.map((message) => this.amqp.seen(message, this.limited.has(consumer.queue))),
        );
      consumer.received = [];
      if (!consumer.isEnded) continue;
      ended.add(name);
      this.consumers.delete(name);
      void consumer.channel.close().catch(() => {});
    }
    return { deliveries, ended };
  }
}

const isSameState = (a: BrokerState, b: BrokerState): boolean =>
  a.queues.size === b.queues.size &&
  a.exchanges.size === b.exchanges.size &&
  [...a.exchanges].every((name) => b.exchanges.has(name)) &&
  [...a.queues].every(([name, { ready, consumers }]) => {
    const other = b.queues.get(name);
    return other?.ready === ready && other.consumers === consumers;
  });

/** Whether messages go from queue to queue, or to consumers, by it. */
const movesMessages = ({ does }: Operation): boolean =>
  does === 'publish' || does === 'settle' || does === 'consume' || does === 'leave' || does === 'disconnect';
