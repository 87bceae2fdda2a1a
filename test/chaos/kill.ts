/**
 * A hub that is killed again and again while four publishers have messages confirmed and consumers acknowledge them.
 *
 *     ready ─ load for a random time ─ kill -9 ─ the store's books ─ start on the same folder ─ its metrics ─┐
 *       ▲                                                                                                    │
 *       └────────────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * Some kills come while the hub starts. At the end all queues are emptied, the log is read from its beginning, and the
 * test's own books (kill-account.ts) are held against everything.
 */
import { rmSync } from 'node:fs';
import type { QueueInfo } from '@ringhub/protocol';
import { connect } from '../../client-sdk/src/node.ts';
import { BINDINGS, DURABLE_EXCHANGE, KillAccount, PUBLISHERS, QUEUES } from './kill-account.ts';
import { Publisher, QueueConsumer } from './kill-clients.ts';
import { ledgerFaults } from './kill-store.ts';
import { LiveHub } from './live-hub.ts';
import { LiveWire } from './live-wire.ts';
import type { ChaosPlace } from './programs.ts';

export interface KillOptions {
  readonly rounds: number;
  readonly random: () => number;
  /** A life under load lasts a random time within these. */
  readonly minLoadMs: number;
  readonly maxLoadMs: number;
  /** Of the publishers together: consumers, test and hub share a small machine. */
  readonly maxPerSecond: number;
  /** Of kills that come before the hub is ready. */
  readonly earlyKills: number;
  /** For the control: the hub confirms what is not on disk. */
  readonly fault?: 'early-confirm';
  readonly onRound?: (round: number, account: KillAccount) => void;
}

export interface KillResult {
  readonly confirmed: number;
  readonly confirmedPerSecond: number;
  readonly missing: readonly string[];
  readonly redeliveries: number;
  readonly resentKnown: number;
  readonly violations: number;
  readonly told: readonly string[];
  readonly readyMs: { readonly median: number; readonly max: number };
}

/** Waiting to be ready, emptying queues at the end: longer says that something hangs. */
const DEADLINE_MS = 60_000;
/** A hub that lost what it confirmed may never be done: its queues count as empty when nothing came out for so long. */
const SILENCE_MS = 5_000;
const NACK_EVERY = 997;
/**
 * Publishers wait while more are behind: on a machine where consumers are slower than they, queues would come to their
 * bounds, and what is asked for there is not what this is about.
 */
const MAX_WAITING = 100_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function killRounds(place: ChaosPlace, options: KillOptions): Promise<KillResult> {
  const folder = place.at(`kill-${options.fault ?? 'sound'}`);
  const env: Record<string, string> = options.fault ? { CHAOS_FAULT: options.fault } : {};
  const program = await place.program('kill-hub');
  const hub = new LiveHub([process.execPath, program], folder, env);
  const run = new KillRun(hub, folder, options);
  try {
    return await run.toTheEnd();
  } finally {
    await hub.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

class KillRun {
  private readonly account = new KillAccount();
  private readonly readyMs: number[] = [];
  private life = 0;
  private underLoadMs = 0;
  /** When the load began; none while the hub is dead or starts. */
  private loadedSinceMs: number | undefined;

  constructor(
    private readonly hub: LiveHub,
    private readonly folder: string,
    private readonly options: KillOptions,
  ) {}

  async toTheEnd(): Promise<KillResult> {
    const { rounds, onRound } = this.options;
    this.readyMs.push(await this.hub.start());
    await this.declare();
    const publishers = Array.from({ length: PUBLISHERS }, (_, i) => {
      return new Publisher(i, this.hub, this.account, () => this.mayPublish());
    });
    const consumers = QUEUES.map(
      (queue) => new QueueConsumer(queue, this.hub, this.account, () => this.life, NACK_EVERY),
    );
    const follower = await this.follow();
    const running = [...publishers, ...consumers].map((client) => client.run());
    const pumping = setInterval(() => {
      for (const publisher of publishers) publisher.pump();
    }, 5);

    for (let round = 1; round <= rounds; round++) {
      await this.round();
      onRound?.(round, this.account);
    }
    for (const publisher of publishers) publisher.isStopping = true;
    await this.emptied(publishers);
    clearInterval(pumping);
    for (const publisher of publishers) publisher.abandon();
    for (const consumer of consumers) consumer.stop();
    await Promise.all(running);
    if (this.options.fault || this.account.missing.length > 0) {
      await follower.stop();
      return this.result();
    }
    this.account.checkLog('a subscription resumed after each kill', await follower.read());
    this.account.checkLog('the log from its beginning', await this.readLog());
    return this.result();
  }

  private mayPublish(): boolean {
    if (this.account.waiting > MAX_WAITING) return false;
    const published = this.account.published.reduce((sum, n) => sum + n, 0);
    const nowMs = performance.now();
    const loadedMs = this.underLoadMs + nowMs - (this.loadedSinceMs ?? nowMs);
    return published < (loadedMs / 1000) * this.options.maxPerSecond;
  }

  private async declare(): Promise<void> {
    const wire = await LiveWire.open(this.hub.wsUrl, this.hub.token);
    const options = { type: 'topic', durable: true } as const;
    await wire.ask({ type: 'declare', exchange: DURABLE_EXCHANGE, options });
    for (const name of QUEUES)
      await wire.ask({ type: 'declareQueue', name, options: { durable: true, deliveryLimit: null } });
    for (const [queue, exchange, key] of BINDINGS)
      await wire.ask({ type: 'bind', to: { queue }, binding: [exchange, key] });
    wire.close();
  }

  private async round(): Promise<void> {
    const { random, minLoadMs, maxLoadMs, earlyKills } = this.options;
    const sinceMs = performance.now();
    this.loadedSinceMs = sinceMs;
    await pause(minLoadMs + random() * (maxLoadMs - minLoadMs));
    await this.hub.kill();
    this.underLoadMs += performance.now() - sinceMs;
    this.loadedSinceMs = undefined;
    for (const fault of await ledgerFaults(this.folder)) this.account.violation(`stored ledger: ${fault}`);
    while (random() < earlyKills) {
      this.life++;
      this.hub.spawn();
      await pause(random() * 600);
      await this.hub.kill();
    }
    this.life++;
    // One that loses what it confirmed has books that do not add up, and says so as long as it runs.
    this.readyMs.push(await this.hub.start(this.options.fault && SILENCE_MS));
    const metrics = await this.hub.metrics();
    const residual = metrics.get('ringhub_ledger_residual');
    if (residual !== 0) this.account.violation(`life ${this.life}: ledger residual ${residual}`);
    const corrupt = metrics.get('ringhub_ledger_dropped_total{reason="corrupt"}') ?? 0;
    if (corrupt !== 0) this.account.violation(`life ${this.life}: ${corrupt} messages were not found again`);
    for (const fault of this.hub.faults.splice(0)) this.account.violation(`life ${this.life}: ${fault}`);
  }

  /** Waits until everything is confirmed and all queues are empty; then their ledgers are known exactly. */
  private async emptied(publishers: readonly Publisher[]): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    const wire = await LiveWire.open(this.hub.wsUrl, this.hub.token);
    const inspect = (name: string) => wire.ask<QueueInfo>({ type: 'inspect', name });
    const isEmpty = ({ messages }: QueueInfo) => messages.ready + messages.inflight + messages.delayed === 0;
    let receipts = 0;
    let cameMs = performance.now();
    for (;;) {
      const infos = await Promise.all(QUEUES.map(inspect));
      if (publishers.every(({ isDone }) => isDone) && infos.every(isEmpty)) break;
      if (this.account.receipts > receipts) cameMs = performance.now();
      receipts = this.account.receipts;
      if (this.options.fault && performance.now() > cameMs + SILENCE_MS) break;
      if (performance.now() > deadline) {
        this.account.violation(`not emptied: ${JSON.stringify(infos.map(({ messages }) => messages))}`);
        break;
      }
      for (const publisher of publishers) publisher.pump();
      await pause(20);
    }
    for (const queue of QUEUES) {
      const { ledger } = await inspect(queue);
      const distinct = this.account.distinct(queue);
      const isExact = ledger.routed === distinct && ledger.acked === distinct && ledger.residual === 0;
      if (!isExact)
        this.account.violation(
          `${queue}: ${distinct} messages came out, its ledger: ${JSON.stringify(ledger)}`,
        );
    }
    wire.close();
  }

  /** A subscriber with the SDK that stays, over all kills. */
  private async follow(): Promise<{ read(): Promise<unknown[]>; stop(): Promise<void> }> {
    const { wsUrl, token } = this.hub;
    const client = await connect(wsUrl, { token, backoff: { minMs: 20, maxMs: 100 } });
    const subscription = await client.subscribe(DURABLE_EXCHANGE, '#', {
      overflow: 'catch-up',
      since: 'earliest',
    });
    const payloads: unknown[] = [];
    const reading = (async () => {
      for await (const event of subscription) {
        if (event.kind === 'message') payloads.push(event.raw);
        else if (event.kind === 'gap')
          this.account.violation(`the subscription missed ${event.count}: ${event.reason}`);
      }
    })();
    const stop = async () => {
      await client.close();
      await reading;
    };
    const read = async () => {
      const deadline = performance.now() + DEADLINE_MS;
      while (payloads.length < this.account.loggedConfirmed && performance.now() < deadline) await pause(20);
      await stop();
      return payloads;
    };
    return { read, stop };
  }

  private async readLog(): Promise<unknown[]> {
    const follower = await this.follow();
    return follower.read();
  }

  private result(): KillResult {
    const sorted = this.readyMs.toSorted((a, b) => a - b);
    const { confirmed, redeliveries, duplicates, violations, told, missing } = this.account;
    return {
      confirmed,
      confirmedPerSecond: Math.round(confirmed / (this.underLoadMs / 1000)),
      missing,
      redeliveries,
      resentKnown: duplicates,
      violations,
      told,
      readyMs: { median: Math.round(sorted[sorted.length >> 1]!), max: Math.round(sorted.at(-1)!) },
    };
  }
}
