/**
 * One subscription of the dashboard with its handler: takes events, at the pace it is given, and keeps the figures
 * its card shows. Changing what the hub must know (policy, capacity) subscribes anew; the account begins anew then.
 *
 * Acks are `auto`: asking for the next event says that this one is done. So a slow handler is all it takes to be a
 * slow consumer.
 */
import type {
  EventOf,
  GapEvent,
  GapRange,
  Granted,
  Hub,
  OverflowPolicy,
  Subscription,
} from '@ringhub/client';
import { type CpuMetric, METRICS_EXCHANGE, type Numbered } from '../shared/metrics.ts';
import { History } from './history.ts';
import { LaneAccount } from './lane-account.ts';
import { Pacer } from './pacer.ts';

export type LaneName = 'normal' | 'throttled';
/** Which exchange carries what. */
export type Messages = { readonly [METRICS_EXCHANGE]: Numbered };
type LaneEvent = EventOf<Messages, typeof METRICS_EXCHANGE>;
export type MetricEvent = Extract<LaneEvent, { kind: 'message' }>;
export type { GapEvent, GapRange };

export interface LaneSettings {
  readonly overflow: OverflowPolicy;
  readonly capacity: number;
  readonly prefetch: number;
}

export interface LaneObserver {
  message(lane: Lane, event: MetricEvent): void;
  gap(lane: Lane, event: GapEvent): void;
  failed(lane: Lane, error: unknown): void;
}

const CHART_ROWS = 600;
const RATE_WINDOW_MS = 1000;

export class Lane {
  readonly name: LaneName;
  readonly chart = new History(CHART_ROWS);
  readonly pacer: Pacer;
  account: LaneAccount;
  settings: LaneSettings;
  granted: Granted | undefined;
  pausedAtMs: number | undefined;
  /** Hub time of the last message handled, and how old it was then. */
  lastAgeMs = 0;
  isReady = false;
  #subscription: Subscription<LaneEvent> | undefined;
  #generation = 0;
  readonly #observer: LaneObserver;
  /** When the last messages were handled: bounded by the window and the rate. */
  #handledAtMs: number[] = [];

  constructor(name: LaneName, settings: LaneSettings, perSecond: number | null, observer: LaneObserver) {
    this.name = name;
    this.settings = settings;
    this.pacer = new Pacer(perSecond);
    this.account = new LaneAccount(settings.overflow !== 'conflate');
    this.#observer = observer;
  }

  /** The newest number handled of each routing key: bounded by what the feeder publishes. */
  readonly #newest = new Map<string, number>();

  /** Keys of which `other` has seen a newer message than this lane. */
  staleKeys(other: Lane): number {
    let stale = 0;
    for (const [key, n] of other.#newest) if (n > (this.#newest.get(key) ?? 0)) stale += 1;
    return stale;
  }

  /** Messages handled a second, over the last second. */
  handledPerSecond(nowMs: number): number {
    const from = nowMs - RATE_WINDOW_MS;
    const first = this.#handledAtMs.findIndex((at) => at > from);
    this.#handledAtMs = first < 0 ? [] : this.#handledAtMs.slice(first);
    return this.#handledAtMs.length;
  }

  /** Subscribes, in place of what was subscribed before. Events of the old subscription count no more. */
  async open(hub: Hub<Messages>, settings: LaneSettings): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const previous = this.#subscription;
    this.#subscription = undefined;
    this.settings = settings;
    this.isReady = false;
    this.pausedAtMs = undefined;
    try {
      await previous?.unsubscribe();
      const { overflow, capacity, prefetch } = settings;
      const subscription = await hub.subscribe(METRICS_EXCHANGE, '#', {
        overflow,
        capacity,
        prefetch,
        ack: 'auto',
      });
      if (generation !== this.#generation) return void (await subscription.unsubscribe());
      this.#subscription = subscription;
      this.granted = subscription.granted;
      this.account = new LaneAccount(overflow !== 'conflate');
      this.chart.clear();
      this.#newest.clear();
      this.pacer.perSecond = this.pacer.perSecond;
      this.isReady = true;
      // Wished for while there was nothing to pause.
      if (this.pausedAtMs !== undefined) this.#hold(subscription);
      void this.#consume(subscription, generation);
    } catch (error) {
      if (generation === this.#generation) this.#observer.failed(this, error);
    }
  }

  pause(): void {
    if (this.pausedAtMs !== undefined) return;
    this.pausedAtMs = performance.now();
    // While it is being subscribed, `open` does it.
    if (this.#subscription) this.#hold(this.#subscription);
  }

  #hold(subscription: Subscription<LaneEvent>): void {
    subscription.pause().catch((error) => this.#observer.failed(this, error));
  }

  resume(): void {
    this.pausedAtMs = undefined;
    this.#subscription?.resume().catch((error) => this.#observer.failed(this, error));
  }

  async #consume(subscription: Subscription<LaneEvent>, generation: number): Promise<void> {
    try {
      for await (const event of subscription) {
        if (generation !== this.#generation) return;
        if (event.kind === 'gap') this.#takeGap(event);
        if (event.kind !== 'message') continue;
        this.#takeMessage(event);
        const turn = this.pacer.turn();
        if (turn) await turn;
      }
    } catch (error) {
      if (generation === this.#generation) this.#observer.failed(this, error);
    }
  }

  #takeMessage(event: MetricEvent): void {
    if (!this.account.message(event.data, event.replaced)) return;
    this.#handledAtMs.push(performance.now());
    this.#newest.set(event.routingKey, event.data.n);
    if (event.routingKey === 'host.cpu.all') {
      this.chart.openRow(event.timeMs);
      this.chart.set('busy', (event.data as Numbered & CpuMetric).busy);
    }
    this.#observer.message(this, event);
  }

  #takeGap(event: GapEvent): void {
    this.account.gap(event.count);
    this.chart.breakLine();
    this.#observer.gap(this, event);
  }
}
