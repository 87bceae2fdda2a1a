/**
 * A mixed load that goes on as long as one likes: clients that stay, clients that come and go politely or vanish, subscriptions, queues
 * and exchanges that are made and taken away, publishes volatile and durable, through queues and over HTTP, event streams, expiries.
 *
 * Everything happens at the times of a seeded plan. What was published to those who stay is counted, and so is what each of them got.
 */
import { WebSocket } from 'ws';
import { deleteExchange } from '../../client-sdk/src/admin.ts';
import { BinaryCodec, connect, type Hub, jsonCodec } from '../../client-sdk/src/node.ts';
import { bindQueue, consume, declareQueue, deleteQueue } from '../../client-sdk/src/queues.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { WireClient } from '../support/wire-client.ts';

const RING = { overflow: 'drop-oldest', capacity: 20_000, capacityBytes: 16 * 1024 * 1024 } as const;
const STAYING = 8;
/** Many keys, but so many that caches are full, or hold all of them, soon. */
const NEW_KEYS = 2_000;
const PAYLOAD = 'x'.repeat(120);
/** Under way of one activity at most: a hub that is slow must not be met by ever more. */
const MOST_AT_ONCE = 64;

/** A WebSocket whose connection can be taken away from under its client. */
class FallibleSocket extends WebSocket {
  static readonly open = new Set<FallibleSocket>();

  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    FallibleSocket.open.add(this);
    this.on('close', () => FallibleSocket.open.delete(this));
  }
}

interface Staying {
  readonly client: Hub;
  received: number;
  lost: number;
  outOfOrder: number;
}

interface Activity {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<unknown> | undefined;
}

export class SoakLoad {
  /** How often each activity was done. */
  readonly done = new Map<string, number>();
  readonly failures: string[] = [];
  /** From publish to delivery, since they were last taken, in ms. */
  private delays: number[] = [];
  private published = 0;
  private readonly staying: Staying[] = [];
  private readonly random: () => number;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly underWay = new Map<string, number>();
  private readonly streams = new Set<AbortController>();
  private names = 0;
  private keys = 0;
  private owner!: Hub;
  private isStopping = false;

  constructor(
    private readonly httpUrl: string,
    private readonly wsUrl: string,
    private readonly token: string,
    seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  /** What stays, also without load, until the owner leaves: an exchange and queues on disk. */
  async declare(): Promise<void> {
    this.owner = await this.client();
    await this.owner.declareExchange('soak', { type: 'topic', durable: true });
    await declareQueue(this.owner, 'soak.jobs', { durable: true });
    await bindQueue(this.owner, 'soak.jobs', 'soak', 'jobs.#');
    await declareQueue(this.owner, 'soak.expiring', { messageTtlMs: 500, deadLetterExchange: 'amq.fanout' });
    await this.owner.close();
  }

  async start(): Promise<void> {
    this.owner = await this.client();
    for (let i = 0; i < STAYING; i++) this.staying.push(await this.stay(i % 2 === 0));
    await this.work();
    await this.probe();
    for (const activity of this.activities()) {
      this.done.set(activity.name, 0);
      this.timers.push(setInterval(() => this.perform(activity), activity.everyMs));
    }
  }

  /** Ends all activities, waits for what is under way, and has everybody leave; the account is complete then. */
  async stop(): Promise<void> {
    this.isStopping = true;
    for (const timer of this.timers) clearInterval(timer);
    for (const stream of this.streams) stream.abort();
    const isBusy = () => [...this.underWay.values()].some((count) => count > 0);
    const isBehind = () => this.staying.some(({ received, lost }) => received + lost < this.published);
    for (let i = 0; i < 600 && (isBusy() || isBehind()); i++) await pause(50);
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
  }

  /** Of each that stayed: what it neither got nor was told of. */
  get unaccounted(): number {
    return this.staying.reduce((sum, { received, lost }) => sum + this.published - received - lost, 0);
  }

  get told(): { readonly published: number; readonly lost: number; readonly outOfOrder: number } {
    const sum = (of: 'lost' | 'outOfOrder') => this.staying.reduce((sum, one) => sum + one[of], 0);
    return { published: this.published, lost: sum('lost'), outOfOrder: sum('outOfOrder') };
  }

  /** The 99th percentile of delays since it was last asked for. */
  takeDelayP99Ms(): number {
    const sorted = this.delays.splice(0).sort((a, b) => a - b);
    return sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 0;
  }

  private readonly clients: Hub[] = [];

  private async client(isBinary = false): Promise<Hub> {
    const client = await connect(this.wsUrl, {
      token: this.token,
      WebSocket: FallibleSocket as never,
      backoff: { minMs: 20, maxMs: 500 },
      codec: isBinary ? new BinaryCodec() : jsonCodec,
    });
    client.addEventListener('error', ({ error }) => this.failed('client', error));
    this.clients.push(client);
    return client;
  }

  private async leave(client: Hub): Promise<void> {
    this.clients.splice(this.clients.indexOf(client), 1);
    await client.close();
  }

  private async stay(isBinary: boolean): Promise<Staying> {
    const one: Staying = { client: await this.client(isBinary), received: 0, lost: 0, outOfOrder: 0 };
    let last = 0;
    await one.client.subscribe('amq.topic', 'steady.#', RING, (event) => {
      if (event.kind === 'gap') one.lost += event.count ?? 0;
      if (event.kind !== 'message') return;
      one.received++;
      if (event.position.offset <= last) one.outOfOrder++;
      last = event.position.offset;
    });
    return one;
  }

  private async work(): Promise<void> {
    const worker = await this.client();
    await consume(worker, 'soak.jobs', { prefetch: 64 }, () => {});
    await worker.subscribe('soak', 'log.#', { overflow: 'catch-up' }, () => {});
  }

  private async probe(): Promise<void> {
    const probe = await this.client();
    await probe.subscribe('amq.topic', 'probe', {}, (event) => {
      if (event.kind === 'message') this.delays.push(performance.now() - Number(event.raw));
    });
    const publisher = await this.client();
    this.timers.push(
      setInterval(() => {
        publisher.publish('amq.topic', 'probe', String(performance.now())).catch(() => {});
      }, 20),
    );
  }

  private activities(): Activity[] {
    const { owner, random } = this;
    const own = (exchange: string, key: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => owner.publish(exchange, key, PAYLOAD)));
    return [
      {
        name: 'publish volatile',
        everyMs: 20,
        run: () => {
          this.published += 5;
          return own('amq.topic', `steady.${Math.floor(random() * 50)}`, 5);
        },
      },
      {
        name: 'publish to new keys',
        everyMs: 50,
        run: () => own('amq.topic', `new.${this.keys++ % NEW_KEYS}`, 1),
      },
      { name: 'publish durable', everyMs: 50, run: () => own('soak', `log.${Math.floor(random() * 20)}`, 6) },
      { name: 'publish to a queue', everyMs: 100, run: () => own('soak', 'jobs.any', 8) },
      { name: 'publish what expires', everyMs: 100, run: () => own('', 'soak.expiring', 2) },
      { name: 'come and go', everyMs: 200, run: () => this.comeAndGo() },
      { name: 'come and vanish', everyMs: 200, run: () => this.comeAndVanish() },
      { name: 'lose a connection', everyMs: 500, run: () => this.loseConnection() },
      { name: 'subscribe and unsubscribe', everyMs: 100, run: () => this.subscribeAwhile() },
      { name: 'make and delete a queue', everyMs: 1_000, run: () => this.makeQueue() },
      { name: 'make and delete an exchange', everyMs: 1_000, run: () => this.makeExchange() },
      { name: 'publish over HTTP', everyMs: 500, run: () => this.publishOverHttp() },
      { name: 'stream events', everyMs: 500, run: () => this.stream() },
    ];
  }

  private perform({ name, run }: Activity): void {
    const count = this.underWay.get(name) ?? 0;
    if (count >= MOST_AT_ONCE) return;
    this.underWay.set(name, count + 1);
    this.done.set(name, this.done.get(name)! + 1);
    void Promise.resolve(run())
      .catch((error) => this.failed(name, error))
      .finally(() => this.underWay.set(name, this.underWay.get(name)! - 1));
  }

  private failed(name: string, error: unknown): void {
    if (this.failures.length < 20) this.failures.push(`${name}: ${String(error)}`);
  }

  private wait(maxMs: number): Promise<void> {
    return pause(this.isStopping ? 0 : this.random() * maxMs);
  }

  private async comeAndGo(): Promise<void> {
    const client = await this.client(this.random() < 0.5);
    const subscription = await client.subscribe('amq.topic', `steady.${Math.floor(this.random() * 50)}`);
    await client.subscribe('soak', 'log.#', { since: 'last-per-key', overflow: 'conflate' }, () => {});
    await client.publish('amq.topic', `from.${this.names++ % NEW_KEYS}`, PAYLOAD);
    await this.wait(3_000);
    await subscription.unsubscribe();
    await this.leave(client);
  }

  /** Its session parks, with a subscription that goes on, until its resume window is over. */
  private async comeAndVanish(): Promise<void> {
    const client = await WireClient.open(this.wsUrl, this.token);
    await client.subscribe({ bindings: [['amq.topic', 'steady.#']], capacity: 500 });
    await this.wait(500);
    client.socket.terminate();
  }

  private loseConnection(): undefined {
    const open = [...FallibleSocket.open];
    open[Math.floor(this.random() * open.length)]?.terminate();
  }

  private async subscribeAwhile(): Promise<void> {
    const subscription = await this.owner.subscribe('amq.topic', `churn.${this.names++}.#`);
    await this.wait(1_000);
    await subscription.unsubscribe();
  }

  private async makeQueue(): Promise<void> {
    const name = `soak.temporary.${this.names++ % NEW_KEYS}`;
    await declareQueue(this.owner, name);
    await bindQueue(this.owner, name, 'amq.topic', `${name}.#`);
    for (let i = 0; i < 5; i++) await this.owner.publish('amq.topic', `${name}.job`, PAYLOAD);
    let left = 3;
    const consumer = await consume(this.owner, name, { prefetch: 2 });
    for await (const message of consumer) {
      message.ack();
      if (--left === 0) break;
    }
    await consumer.unsubscribe();
    await deleteQueue(this.owner, name);
  }

  private async makeExchange(): Promise<void> {
    const name = `temporary-${this.names++}`;
    await this.owner.declareExchange(name, { type: 'direct' });
    await this.owner.publish(name, 'any', PAYLOAD);
    await deleteExchange(this.owner, name);
  }

  private async publishOverHttp(): Promise<void> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    const id = `http-${this.names++}`;
    const body = JSON.stringify({ exchange: 'amq.topic', key: 'http.any', text: PAYLOAD, id });
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(`${this.httpUrl}/v1/publish`, { method: 'POST', headers, body });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      await answer.text();
    }
  }

  private async stream(): Promise<void> {
    const stop = new AbortController();
    this.streams.add(stop);
    const headers = { authorization: `Bearer ${this.token}` };
    const query = 'exchange=amq.topic&key=steady.%23';
    const timer = setTimeout(() => stop.abort(), this.random() * 4_000);
    try {
      const answer = await fetch(`${this.httpUrl}/v1/events?${query}`, { headers, signal: stop.signal });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      // Read on, as a page does.
      for await (const _ of answer.body as unknown as AsyncIterable<Uint8Array>);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      this.streams.delete(stop);
    }
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
