/**
 * One run of an application that works on named queues: a real SDK client that consumes, dawdles, fails and dies.
 */
import { BinaryCodec, connect, type Hub, jsonCodec, RinghubError } from '@ringhub/client';
import { bindQueue, consume, declareQueue, type QueueMessage } from '@ringhub/client/queues';
import type { Guards } from './guards.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { Surroundings } from './surroundings.ts';
import { NoToken, TOKEN_TROUBLE } from './tokens.ts';
import type { WorkAccount, WorkQueue } from './work-account.ts';
import type { World } from './world.ts';

export interface WorkManner {
  readonly queue: WorkQueue;
  readonly slowMs: number;
  readonly prefetch: number;
  readonly onLost: 'keep' | 'requeue';
  /** Of nacks and of rejects, each. */
  readonly badLuck: number;
}

export class Worker {
  readonly surroundings: Surroundings;
  hub: Hub | undefined;
  isOver = false;
  /** It publishes or consumes. */
  isAtWork = false;
  /** Called when it is not permitted to consume any more. */
  onForbidden: () => void = () => {};
  /** Set at the end: everything is worked off at once. */
  isCalm = false;
  private readonly random: Random;

  constructor(
    readonly name: string,
    /** Where it works; undefined for one that publishes. */
    readonly queue: WorkQueue | undefined,
    private readonly world: World,
    network: Network,
    private readonly account: WorkAccount,
    private readonly guards: Guards,
  ) {
    this.surroundings = new Surroundings(name, world, network);
    this.random = world.random.fork(`worker ${name}`);
  }

  /** Resolves once the client is connected and has what it declares; never where it dies before. */
  async start(): Promise<Hub> {
    this.hub = await connect('ws://hub', {
      getToken: ({ reason }) => this.guards.tokenFor(this.name.split('.')[0]!, reason),
      backoff: { minMs: 50, maxMs: 500 },
      ackDelayMs: this.random.pick([0, 20]),
      codec: this.random.chance(0.5) ? new BinaryCodec() : jsonCodec,
      environment: this.surroundings.environment,
    });
    const { hub } = this;
    hub.addEventListener('error', ({ error }) => this.failed(error));
    hub.addEventListener('state', ({ state, error }) => {
      if (state === 'closed' && !this.isOver)
        this.world.fail('client-stopped', `${this.name} stopped for good: ${String(error)}`);
    });
    await hub.declareExchange('orders', { type: 'topic', durable: true });
    await hub.declareExchange('dead', { type: 'fanout', durable: true });
    await declareQueue(hub, 'jobs', {
      durable: true,
      deliveryLimit: 3,
      deadLetterExchange: 'dead',
      retry: { delayMs: 40, maxDelayMs: 500 },
    });
    await declareQueue(hub, 'graves', { durable: true, deliveryLimit: null });
    await declareQueue(hub, 'fast', { deliveryLimit: null });
    await bindQueue(hub, 'jobs', 'orders', '#');
    await bindQueue(hub, 'graves', 'dead', '');
    await bindQueue(hub, 'fast', 'orders', 'fast.#');
    return hub;
  }

  async work(manner: WorkManner): Promise<void> {
    const { queue, prefetch, onLost } = manner;
    const consumer = await consume<string>(this.hub!, queue, { ack: 'manual', prefetch, onLost }, (message) =>
      this.take(message, manner),
    );
    void consumer.closed.then((error) => error && this.failed(error));
  }

  /** An error that nobody expects, but for what it comes to that permissions change. */
  failed(error: unknown): void {
    if (this.isOver || error instanceof NoToken) return;
    if (error instanceof RinghubError && TOKEN_TROUBLE.includes(error.name)) return;
    if (error instanceof RinghubError && error.name === 'forbidden') this.onForbidden();
    else this.world.fail('client-error', `${this.name}: ${String(error)}`);
  }

  /** Its process ends without a word. */
  die(network: Network): void {
    this.isOver = true;
    const wires = network.of(this.name);
    this.surroundings.die();
    for (const wire of wires) wire.end.link.cut('delivered');
  }

  async close(): Promise<void> {
    this.isOver = true;
    await this.hub?.close();
  }

  private async take(message: QueueMessage<string>, { queue, slowMs, badLuck }: WorkManner): Promise<void> {
    const id = message.data;
    this.account.hand(queue, id);
    if (!this.isCalm && slowMs > 0) await this.surroundings.sleep(this.random.int(0, slowMs));
    if (this.isOver) return;
    const luck = this.isCalm ? 1 : this.random.next();
    if (luck < badLuck) message.nack(this.random.chance(0.3) ? { delayMs: this.random.int(0, 300) } : {});
    else if (luck < 2 * badLuck && queue === 'jobs') message.reject();
    else {
      this.account.ack(queue, id);
      message.ack();
    }
  }
}
