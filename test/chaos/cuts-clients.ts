/** The SDK clients of the cuts: publishers that keep a rate, and readers of every kind that may lose nothing. */
import {
  BinaryCodec,
  type ConnectOptions,
  connect,
  type Hub,
  jsonCodec,
  type SubscriptionEvent,
} from '../../client-sdk/src/node.ts';
import { bindQueue, consume, declareQueue, type QueueMessage } from '../../client-sdk/src/queues.ts';
import {
  type CutsAccount,
  DURABLE_EXCHANGE,
  isLive,
  payloadOf,
  type ReaderBook,
  VOLATILE_EXCHANGE,
  type Way,
  wayOf,
} from './cuts-account.ts';

/** Unconfirmed at most, of each publisher: more than one has to hold back while its connection is away. */
const OUTBOX = { messages: 8_000, bytes: 64 * 1024 * 1024 };
const LIVE_RING = { capacity: 100_000, capacityBytes: 64 * 1024 * 1024, prefetch: 256 } as const;

/** Makes clients, every other one with binary frames. */
export class Clients {
  readonly all: Hub[] = [];
  readonly errors: unknown[] = [];
  /** Those that are being opened included: they may be opened side by side. */
  private opened = 0;

  constructor(
    private readonly url: () => string,
    private readonly token: string,
  ) {}

  async open(options: ConnectOptions = {}): Promise<Hub> {
    const isBinary = this.opened++ % 2 === 1;
    const client = await connect(this.url(), {
      token: this.token,
      backoff: { minMs: 2, maxMs: 50 },
      ackDelayMs: 10,
      codec: isBinary ? new BinaryCodec() : jsonCodec,
      ...options,
    });
    client.addEventListener('error', ({ error }) => this.errors.push(error));
    this.all.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((client) => client.close()));
  }
}

export class Publisher {
  private pending = 0;

  constructor(
    private readonly index: number,
    private readonly client: Hub,
    private readonly account: CutsAccount,
  ) {}

  get hasRoom(): boolean {
    return this.pending < OUTBOX.messages;
  }

  static async open(index: number, clients: Clients, account: CutsAccount): Promise<Publisher> {
    return new Publisher(index, await clients.open({ outbox: OUTBOX }), account);
  }

  publish(): void {
    const { account, index } = this;
    const n = account.published[index]!++;
    const way = wayOf(index, n);
    const exchange = isLive(way) ? VOLATILE_EXCHANGE : DURABLE_EXCHANGE;
    this.pending++;
    this.client.publish(exchange, way, payloadOf(index, n)).then(
      () => {
        this.pending--;
        account.confirm(index, n);
      },
      (error: Error) => {
        this.pending--;
        if (error.name !== 'outcome-unknown')
          account.violation(`${index}:${n} was refused: ${error.message}`);
        account.lose(index, n);
      },
    );
  }
}

/** What everything goes through; declared by the first client, and again by it after a restart. */
export async function declareAll(client: Hub): Promise<void> {
  await client.declareExchange(DURABLE_EXCHANGE, { type: 'topic', durable: true });
  for (const queue of ['kept', 'shared']) {
    await declareQueue(client, queue, { durable: true, deliveryLimit: null });
    await bindQueue(client, queue, DURABLE_EXCHANGE, queue);
  }
}

/** Opens all readers; what they are handed goes to the account. */
export async function openReaders(
  clients: Clients,
  account: CutsAccount,
  random: () => number,
): Promise<void> {
  const subscribe = async (
    name: string,
    pattern: string,
    ways: readonly Way[],
    style: 'loop' | 'handler' | 'manual',
  ) => {
    const isOfLog = !isLive(ways[0]!);
    const book = account.reader({ name, ways, mayMiss: !isOfLog });
    const client = await clients.open();
    const options = isOfLog
      ? ({ overflow: 'catch-up', capacity: 500, prefetch: 128 } as const)
      : ({ overflow: 'drop-oldest', ...LIVE_RING } as const);
    const exchange = isOfLog ? DURABLE_EXCHANGE : VOLATILE_EXCHANGE;
    const take = takerOf(book, style === 'manual' ? random : undefined);
    const asked = { ...options, ack: style === 'manual' ? 'manual' : 'auto' } as const;
    if (style === 'handler') await client.subscribe(exchange, pattern, asked, take);
    else void eachOf(await client.subscribe(exchange, pattern, asked), take);
  };
  await subscribe('log, loop', 'log.#', ['log.a', 'log.b', 'log.c'], 'loop');
  await subscribe('log, manual', 'log.a', ['log.a'], 'manual');
  await subscribe('log, handler', 'log.b', ['log.b'], 'handler');
  await subscribe('live, loop', 'live.#', ['live.a', 'live.b', 'live.c'], 'loop');
  await subscribe('live, manual', 'live.c', ['live.c'], 'manual');
  await subscribe('live, handler', 'live.a', ['live.a'], 'handler');

  const kept = account.reader({ name: 'kept', ways: ['kept'] });
  const alone = await consume<string>(await clients.open(), 'kept', { prefetch: 64 });
  void eachOf(alone, (message) => kept.take(message.data, false, message));
  const shared = account.reader({ name: 'shared', ways: ['shared'], isShared: true });
  for (const onLost of ['keep', 'requeue'] as const) {
    const options = { ack: 'manual', prefetch: 64, onLost } as const;
    const consumer = await consume<string>(await clients.open(), 'shared', options);
    void eachOf(consumer, (message: QueueMessage<string>) => {
      shared.take(message.data, message.redelivered, [onLost, message]);
      message.ack();
    });
  }
}

async function eachOf<Event>(events: AsyncIterable<Event>, take: (event: Event) => void): Promise<void> {
  for await (const event of events) take(event);
}

/** With chance given it acknowledges by hand: out of order, some time later. */
function takerOf(book: ReaderBook, random: (() => number) | undefined) {
  const hand: { ack(): void }[] = [];
  return (event: SubscriptionEvent): void => {
    if (event.kind === 'gap') book.gap(event.reason);
    if (event.kind !== 'message') return;
    book.take(event.raw, false, event);
    if (!random) return;
    hand.push(event);
    if (hand.length < 30) return;
    const [one] = hand.splice(Math.floor(random() * hand.length), 1);
    one!.ack();
    if (random() < 0.05) for (const rest of hand.splice(0)) rest.ack();
  };
}
