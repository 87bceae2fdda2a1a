/**
 * A herd: thousands of SDK clients lose their connections at the same moment, and all come back. How soon do they, is anything lost,
 * and is somebody new served meanwhile?
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, type Hub } from '../../client-sdk/src/node.ts';
import { LiveHub } from './live-hub.ts';
import type { ChaosPlace } from './programs.ts';

export const HERD_EXCHANGE = 'herd';
export const keyOf = (index: number): string => `c.${index}`;

/** `drop`: all connections are reset now. `lose`: they will be. */
export type HerdOrder = 'drop' | 'lose' | 'tell';

export interface HerdAnswer {
  readonly backMs: readonly (number | undefined | null)[];
  /** Went on with their session, since the last drop. */
  readonly resumed: number;
  readonly gaps: number;
  readonly failed: number;
  /** Different messages that each client got. */
  readonly received: readonly number[];
}

/**
 * How they lose it: `reset` of all connections; `kill` of the hub, which is started again; `halt`: the hub stands still until all of
 * them have given it up.
 */
export type HerdDrop = 'reset' | 'kill' | 'halt';

export interface HerdOptions {
  readonly clients: number;
  readonly transport: 'ws' | 'uws';
  readonly how: HerdDrop;
}

export interface HerdResult {
  /** Share that was back after so many seconds, from the drop; from the hub's going on where it stood still. */
  readonly backAfter: Readonly<Record<1 | 2 | 5 | 10, number>>;
  readonly lastBackMs: number;
  readonly resumed: number;
  /** Clients that did not get everything that was published to them, or were told of a gap. */
  readonly lost: number;
  readonly failed: number;
  /** Somebody new, again and again while the herd comes back: until connected, and until its own message came. */
  readonly newcomers: number;
  readonly connectMs: { readonly median: number; readonly max: number };
  readonly deliverMs: { readonly median: number; readonly max: number };
  readonly faults: readonly string[];
}

const DEADLINE_MS = 120_000;
const NEWCOMER_EVERY_MS = 250;
const HALT_MS = 9_000;
/** Where the hub is to stand still, clients must not take too long to notice. */
const HEARTBEAT = { RINGHUB_LIMITS__HEARTBEAT_MS: '2000', RINGHUB_LIMITS__DEAD_MS: '6000' };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function herdRun(place: ChaosPlace, options: HerdOptions): Promise<HerdResult> {
  const folder = place.at(`herd-${options.transport}-${options.how}`);
  const command = [process.execPath, '--enable-source-maps', await place.program('kill-hub')];
  const hub = new LiveHub(command, folder, options.how === 'halt' ? HEARTBEAT : {}, options.transport);
  const run = new HerdRun(hub, options);
  try {
    await hub.start();
    return await run.toTheEnd();
  } finally {
    run.crowd?.kill('SIGKILL');
    await hub.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

class HerdRun {
  crowd: ChildProcess | undefined;
  private publisher!: Hub;
  private readonly connectMs: number[] = [];
  private readonly deliverMs: number[] = [];

  constructor(
    private readonly hub: LiveHub,
    private readonly options: HerdOptions,
  ) {}

  async toTheEnd(): Promise<HerdResult> {
    const { hub, options } = this;
    this.publisher = await connect(hub.wsUrl, { token: hub.token, outbox: { messages: 100_000 } });
    await this.publisher.declareExchange(HERD_EXCHANGE, { type: 'topic', durable: true });
    const args = ['test/chaos/herd-crowd.ts', String(options.clients), hub.wsUrl, hub.token];
    this.crowd = fork('scripts/run-ts.mjs', args);
    await once(this.crowd, 'message');
    await this.publishToAll('before');
    await this.everybodyHas(1);
    await this.drop();
    const published = this.publishToAll('after');
    const isOver = { now: false };
    const newcomers = this.newcomers(isOver);
    const answer = await this.everybodyBack();
    isOver.now = true;
    await Promise.all([published, newcomers]);
    await this.everybodyHas(2);
    const result = this.result(answer, await this.ask('tell'));
    await this.publisher.close();
    return result;
  }

  private async ask(order: HerdOrder): Promise<HerdAnswer> {
    this.crowd!.send(order);
    const [answer] = (await once(this.crowd!, 'message')) as [HerdAnswer];
    return answer;
  }

  private async publishToAll(text: string): Promise<void> {
    const indexes = Array.from({ length: this.options.clients }, (_, i) => i);
    await Promise.all(indexes.map((i) => this.publisher.publish(HERD_EXCHANGE, keyOf(i), text)));
  }

  private async everybodyHas(messages: number): Promise<void> {
    await this.until(({ received }) => received.every((count) => count >= messages));
  }

  private everybodyBack(): Promise<HerdAnswer> {
    return this.until(({ backMs }) => backMs.every((ms) => typeof ms === 'number'));
  }

  /** Until it is so, or never will be. */
  private async until(isSo: (answer: HerdAnswer) => boolean): Promise<HerdAnswer> {
    const endMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const answer = await this.ask('tell');
      if (isSo(answer) || performance.now() > endMs) return answer;
      await pause(100);
    }
  }

  private async drop(): Promise<void> {
    const { hub, options } = this;
    switch (options.how) {
      case 'reset':
        await this.ask('drop');
        return;
      case 'kill':
        await this.ask('lose');
        await hub.kill();
        hub.spawn();
        return;
      case 'halt':
        hub.halt();
        await pause(HALT_MS);
        hub.goOn();
        // Nobody is online by now: the time counts from here.
        await this.ask('lose');
        return;
      default:
        options.how satisfies never;
    }
  }

  /** One after the other, as they would come to any hub. */
  private async newcomers(isOver: { readonly now: boolean }): Promise<void> {
    const { hub } = this;
    for (let n = 0; !isOver.now; n++) {
      const startedMs = performance.now();
      const client = await connect(hub.wsUrl, { token: hub.token });
      this.connectMs.push(performance.now() - startedMs);
      const arrived = new Promise<void>((resolve) => {
        void client
          .subscribe('amq.topic', `new.${n}`, {}, () => resolve())
          .then(async () => {
            const publishedMs = performance.now();
            await client.publish('amq.topic', `new.${n}`, 'hello').catch(() => {});
            await arrived;
            this.deliverMs.push(performance.now() - publishedMs);
          });
      });
      await Promise.race([arrived, pause(DEADLINE_MS)]);
      await client.close();
      await pause(NEWCOMER_EVERY_MS);
    }
  }

  private result({ backMs, resumed }: HerdAnswer, last: HerdAnswer): HerdResult {
    const back = backMs.filter((ms) => typeof ms === 'number');
    const within = (seconds: number) => back.filter((ms) => ms <= seconds * 1_000).length / backMs.length;
    return {
      backAfter: { 1: within(1), 2: within(2), 5: within(5), 10: within(10) },
      lastBackMs: back.length < backMs.length ? Number.POSITIVE_INFINITY : Math.max(...back),
      resumed,
      lost: last.received.filter((count) => count < 2).length + last.gaps,
      failed: last.failed,
      newcomers: this.connectMs.length,
      connectMs: figuresOf(this.connectMs),
      deliverMs: figuresOf(this.deliverMs),
      faults: this.hub.faults,
    };
  }
}

function figuresOf(times: readonly number[]): { readonly median: number; readonly max: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const rounded = (ms: number | undefined) => Math.round((ms ?? Number.NaN) * 10) / 10;
  return { median: rounded(sorted[sorted.length >> 1]), max: rounded(sorted.at(-1)) };
}
