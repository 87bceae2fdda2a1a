/**
 * SDK clients and a hub's process, whose connections are cut at random, while the hub is killed and stopped now and then.
 *
 *   publishers ─┐                                ┌─► hub: kill -9 and started again, SIGSTOP and SIGCONT
 *               ├─► proxy: slow, dribbling, cut ─┤
 *   readers ◄───┘                                └─► its store
 *
 * At the end what each reader was handed is held against what was published (`cuts-account.ts`).
 */
import { rmSync } from 'node:fs';
import type { FaultPlan } from '../server/support/connection-fate.ts';
import { FaultProxy } from '../server/support/fault-proxy.ts';
import { seededRandom } from '../server/support/seeded-random.ts';
import { CutsAccount, PUBLISHERS, type ReaderBook, waysOf } from './cuts-account.ts';
import { Clients, declareAll, openReaders, Publisher } from './cuts-clients.ts';
import { type CutsFault, hubEnv, plantInSdk } from './cuts-faults.ts';
import { LiveHub } from './live-hub.ts';
import type { ChaosPlace } from './programs.ts';

export interface CutsOptions {
  readonly seed: number;
  readonly transport: 'ws' | 'uws';
  /** Ends with so many. */
  readonly cuts: number;
  /** Published in a second by all together, as far as the machine and the cuts let them. */
  readonly rate: number;
  /** A connection lives at most so long. */
  readonly maxMs: number;
  readonly kills: number;
  readonly halts: number;
  readonly fault?: CutsFault | undefined;
  readonly onProgress?: (progress: CutsProgress) => void;
}

export interface CutsProgress {
  readonly seconds: number;
  readonly cuts: number;
  readonly published: number;
  readonly confirmed: number;
  readonly received: number;
  readonly violations: number;
  /** The first violation, in words. */
  readonly first?: string;
}

export interface CutsResult extends CutsProgress {
  /** Published in a second, outages included. */
  readonly rate: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly kills: number;
  readonly halts: number;
  readonly unknown: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Told of what was in memory only when the hub was killed. */
  readonly gaps: number;
  /** Handed to another consumer of a shared queue, marked as sent before. */
  readonly repeated: number;
  readonly told: readonly string[];
}

/** Short, so that a connection that died in silence costs little. */
const HEARTBEAT = { RINGHUB_LIMITS__HEARTBEAT_MS: '500', RINGHUB_LIMITS__DEAD_MS: '1500' };
const TICK_MS = 5;
const MAX_HALT_MS = 2_500;
/** Nothing came for so long: what is missing now never comes. */
const SILENCE_MS = 20_000;
/** A run that takes longer hangs. */
const MS_A_CUT = 200;
const MIN_DEADLINE_MS = 180_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const planOf = ({ seed, maxMs }: CutsOptions): FaultPlan => ({
  seed,
  maxMs,
  endings: { reset: 49, end: 49, 'half-open': 1, silent: 1 },
  lines: [
    [85, {}],
    [5, { latencyMs: 20, jitterMs: 30 }],
    [5, { bytesPerSec: 64_000 }],
    [3, { sliceBytes: 1, slicedBytes: 700 }],
    [2, { sliceBytes: 300, latencyMs: 2 }],
  ],
  blackHoles: 0.001,
});

export async function cutsRun(place: ChaosPlace, options: CutsOptions): Promise<CutsResult> {
  const { transport, fault } = options;
  const folder = place.at(`cuts-${transport}-${fault ?? 'sound'}`);
  const command = [process.execPath, await place.program('kill-hub')];
  const hub = new LiveHub(command, folder, { ...HEARTBEAT, ...hubEnv(fault) }, transport);
  const takeOut = plantInSdk(fault);
  try {
    await hub.start();
    return await new CutsRun(hub, await FaultProxy.start(hub.port, planOf(options)), options).toTheEnd();
  } finally {
    takeOut();
    await hub.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

class CutsRun {
  private readonly account = new CutsAccount();
  private readonly random: () => number;
  private readonly clients: Clients;
  private publishers: readonly Publisher[] = [];
  private readonly startedMs = performance.now();
  private kills = 0;
  private halts = 0;
  /** Of the publishing alone. */
  private publishedPerSec = 0;

  constructor(
    private readonly hub: LiveHub,
    private readonly proxy: FaultProxy,
    private readonly options: CutsOptions,
  ) {
    this.random = seededRandom(options.seed);
    this.clients = new Clients(() => `ws://127.0.0.1:${proxy.port}`, hub.token);
  }

  async toTheEnd(): Promise<CutsResult> {
    const { proxy, clients, account } = this;
    proxy.isCutting = false;
    await declareAll(await clients.open());
    await openReaders(clients, account, this.random);
    this.publishers = await Promise.all(
      Array.from({ length: PUBLISHERS }, (_, i) => Publisher.open(i, clients, account)),
    );
    proxy.isCutting = true;
    await this.cutAndPublish();
    proxy.isCutting = false;
    proxy.cutAll();
    await this.settled();
    const result = this.result();
    await clients.close();
    await proxy.close();
    return result;
  }

  /** Until there were as many cuts, kills and halts as wanted. */
  private async cutAndPublish(): Promise<void> {
    const { options, proxy, account } = this;
    const sinceMs = performance.now();
    const deadlineMs = sinceMs + Math.max(MIN_DEADLINE_MS, options.cuts * MS_A_CUT);
    const publishing = setInterval(() => this.publishDue(sinceMs), TICK_MS);
    let toldMs = sinceMs;
    while (proxy.cuts < options.cuts && performance.now() < deadlineMs) {
      await pause(TICK_MS);
      // Spread over the run, one after the other.
      const share = proxy.cuts / options.cuts;
      if (share > (this.kills + 0.5) / options.kills) await this.killAndStart();
      if (share > (this.halts + 0.2) / options.halts) await this.halt();
      if (performance.now() - toldMs < 5_000) continue;
      toldMs = performance.now();
      options.onProgress?.(this.progress);
    }
    clearInterval(publishing);
    this.publishedPerSec = account.publishedInAll / ((performance.now() - sinceMs) / 1_000);
    if (proxy.cuts < options.cuts) account.violation(`only ${proxy.cuts} cuts in time`);
  }

  private publishDue(sinceMs: number): void {
    const due = ((performance.now() - sinceMs) / 1_000) * this.options.rate - this.account.publishedInAll;
    let left = Math.floor(due);
    for (let isFull = false; left > 0 && !isFull; ) {
      isFull = true;
      for (const publisher of this.publishers) {
        if (left <= 0 || !publisher.hasRoom) continue;
        publisher.publish();
        left--;
        isFull = false;
      }
    }
  }

  private async killAndStart(): Promise<void> {
    this.kills++;
    await this.hub.kill();
    await this.hub.start();
  }

  private async halt(): Promise<void> {
    this.halts++;
    this.hub.halt();
    await pause(this.random() * MAX_HALT_MS);
    this.hub.goOn();
  }

  /** Waits until everything is confirmed and a last message of each way has come everywhere; or nothing comes any more. */
  private async settled(): Promise<void> {
    const { account, publishers } = this;
    const progress = () => account.confirmed + account.unknown + this.received;
    const still = async (isDone: () => boolean) => {
      let [before, cameMs] = [progress(), performance.now()];
      while (!isDone() && performance.now() - cameMs < SILENCE_MS) {
        await pause(TICK_MS);
        if (progress() > before) [before, cameMs] = [progress(), performance.now()];
      }
    };
    await still(() => account.pending === 0);
    const ends = [...account.published];
    publishers.forEach((publisher, index) => {
      for (let i = 0; i < waysOf(index).length; i++) publisher.publish();
    });
    const hasLast = (reader: ReaderBook) =>
      ends.every((end, publisher) => {
        const isReadHere = waysOf(publisher).some((way) => reader.rules.ways.includes(way));
        return !isReadHere || reader.lastOf(publisher) >= end;
      });
    await still(() => account.pending === 0 && account.readers.every(hasLast));
    // What another consumer of a shared queue had in hand comes again after the last one.
    const shared = account.readers.filter(({ rules }) => rules.isShared);
    await still(() => shared.every(({ isComplete }) => isComplete));
    if (account.pending > 0) account.violation(`${account.pending} publishes never ended`);
  }

  private get received(): number {
    return this.account.readers.reduce((sum, reader) => sum + reader.received, 0);
  }

  private get progress(): CutsProgress {
    const { account, proxy, received } = this;
    const { publishedInAll: published, confirmed, violations } = account;
    const seconds = Math.round((performance.now() - this.startedMs) / 1_000);
    const first = account.told[0];
    const progress = { seconds, cuts: proxy.cuts, published, confirmed, received, violations };
    return first === undefined ? progress : { ...progress, first };
  }

  private result(): CutsResult {
    const { account, clients, hub } = this;
    for (const error of clients.errors) account.violation(`a client said: ${String(error)}`);
    for (const fault of hub.faults) account.violation(`the hub said: ${fault}`);
    const lost = account.readers.flatMap((reader) => reader.lost);
    for (const one of lost) account.violation(`lost: ${one}`);
    const sum = (of: 'duplicates' | 'reordered' | 'gaps' | 'repeated') =>
      account.readers.reduce((sum, reader) => sum + reader[of], 0);
    return {
      ...this.progress,
      rate: Math.round(this.publishedPerSec),
      kinds: Object.fromEntries(this.proxy.kinds),
      kills: this.kills,
      halts: this.halts,
      unknown: account.unknown,
      lost: lost.length,
      duplicates: sum('duplicates'),
      reordered: sum('reordered'),
      gaps: sum('gaps'),
      repeated: sum('repeated'),
      told: account.told,
    };
  }
}
