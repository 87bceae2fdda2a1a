/**
 * Everything the page knows: the connection, both lanes, the newest metrics, what happened. Plain fields that the
 * components read when they draw; nothing here touches the page.
 *
 * The hub's clock is estimated from the quickest message so far: ages and chart edges do not depend on how well the
 * clocks of hub and browser agree.
 */
import { connect, type Hub, type HubEvents } from '@ringhub/client';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import { clockTime, count, duration } from '../shared/figures.ts';
import {
  type CpuMetric,
  type DiskMetric,
  type HostInfo,
  type HubLedger,
  type HubQueues,
  type HubRates,
  METRICS_EXCHANGE,
  type MemoryMetric,
  type NetMetric,
  type TopMetric,
} from '../shared/metrics.ts';
import { SocketLine } from '../shared/severable-socket.ts';
import { History } from './history.ts';
import {
  type GapEvent,
  type GapRange,
  Lane,
  type LaneName,
  type LaneSettings,
  type Messages,
  type MetricEvent,
} from './lane.ts';
import { RecentValues } from './recent-values.ts';

export type LinkState = HubEvents['state']['state'];

/** A time without a connection, and what it cost each lane. Times are of this page's monotonic clock. */
export interface Outage {
  readonly fromMs: number;
  toMs: number | undefined;
  /** The hub's time when the connection was back: what is older was missed and caught up. */
  backAtHubMs: number;
  isResumed: boolean;
  /** `lost` is null where nobody can know: the hub itself was gone. */
  readonly lanes: Record<LaneName, { lost: number | null; caughtUp: number; isOver: boolean }>;
}

export interface LogEntry {
  readonly id: number;
  readonly time: string;
  readonly where: LaneName | 'connection';
  readonly kind: 'gap' | 'offline' | 'online' | 'change' | 'error';
  readonly text: string;
  readonly detail?: string;
}

/** What draws the timeline; set while it is on the page. */
export interface TimelineSink {
  delivered(lane: LaneName, replaced: number): void;
  gap(lane: LaneName, event: GapEvent): void;
  mark(lane: LaneName, text: string): void;
  outage(outage: Outage): void;
  paused(lane: LaneName, sinceMs: number | undefined): void;
}

const HISTORY_ROWS = 600;
const MAX_LOG = 40;
const MAX_RANGES_SHOWN = 4;
const MAX_RANGES_KEPT = 64;
/** Gaps of a lane that follow so closely are told as one line. */
const GAP_LINE_MS = 2000;
const RETRY_MS = 2000;
/** Half a minute. */
const WAITING_VALUES = 60;
/** Shorter than the SDK's own: there is one visitor, and the hub is near. */
const BACKOFF = { minMs: 150, maxMs: 1000 };

export const NORMAL: LaneSettings = { overflow: 'drop-oldest', capacity: 5000, prefetch: 256 };
export const THROTTLED: LaneSettings = { overflow: 'drop-oldest', capacity: 50, prefetch: 8 };

export class DashboardModel {
  readonly history = new History(HISTORY_ROWS);
  readonly lanes: Record<LaneName, Lane>;
  readonly line = new SocketLine();
  state: LinkState = 'connecting';
  problem = '';
  outage: Outage | undefined;
  head = 0;
  run = '';
  info: HostInfo | undefined;
  top: TopMetric | undefined;
  memory: MemoryMetric | undefined;
  rates: HubRates | undefined;
  ledger: HubLedger | undefined;
  queues: HubQueues | undefined;
  log: readonly LogEntry[] = [];
  /** Said to screen readers: rare and important things only. */
  announcement = '';
  timeline: TimelineSink | undefined;
  #hub: Hub<Messages> | undefined;
  #abort = new AbortController();
  #logCount = 0;
  #clockOffsetMs = Number.POSITIVE_INFINITY;
  readonly #waiting = new RecentValues(WAITING_VALUES);
  readonly #nets = new Map<string, NetMetric>();
  readonly #disks = new Map<string, DiskMetric>();

  constructor() {
    const observer = {
      message: (lane: Lane, event: MetricEvent) => this.#message(lane, event),
      gap: (lane: Lane, event: GapEvent) => this.#gap(lane, event),
      failed: (lane: Lane, error: unknown) => this.#failed(lane.name, error),
    };
    this.lanes = {
      normal: new Lane('normal', NORMAL, null, observer),
      throttled: new Lane('throttled', THROTTLED, null, observer),
    };
  }

  async start(): Promise<void> {
    this.#abort = new AbortController();
    try {
      const hub = await connect<Messages>(hubUrl(), {
        backoff: BACKOFF,
        getToken: fetchDevToken,
        signal: this.#abort.signal,
        WebSocket: this.line.WebSocket,
      });
      this.#hub = hub;
      hub.addEventListener('state', (event) => this.#stateChanged(event));
      this.#online(undefined);
      // The page may come before the feeder.
      await hub.declareExchange(METRICS_EXCHANGE, { type: 'topic' });
      const { normal, throttled } = this.lanes;
      await Promise.all([normal.open(hub, normal.settings), throttled.open(hub, throttled.settings)]);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed('connection', error);
      this.state = 'waiting';
      setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  stop(): void {
    this.#abort.abort();
    void this.#hub?.close();
  }

  /** The hub's clock, as near as can be told from here. */
  hubNow(): number {
    return Date.now() - (Number.isFinite(this.#clockOffsetMs) ? this.#clockOffsetMs : 0);
  }

  /**
   * How many messages a lane has yet to handle or be told of, and how many of these its ring holds. With conflation
   * the ring holds one of a key, whatever has been published since.
   */
  fill(lane: Lane): { waiting: number; inRing: number } {
    if (lane.account.run !== this.run) return { waiting: 0, inRing: 0 };
    const waiting = Math.max(0, lane.account.waiting(this.head));
    const capacity = lane.granted?.capacity ?? lane.settings.capacity;
    const room = lane.settings.overflow === 'conflate' ? lane.staleKeys(this.lanes.normal) : waiting;
    return { waiting, inRing: Math.min(waiting, room, capacity) };
  }

  /** How many messages a named queue has held lately. */
  waitingIn(queue: string): readonly number[] {
    return this.#waiting.of(queue);
  }

  /** Pulls the cable for so long, or until `restoreLine`. */
  cutLine(forMs: number | undefined): void {
    this.line.cut(forMs);
  }

  restoreLine(): void {
    this.line.restore();
  }

  async change(lane: Lane, change: Partial<LaneSettings>): Promise<void> {
    if (!this.#hub) return;
    const settings = { ...lane.settings, ...change };
    await this.#resubscribe(lane, { ...settings, prefetch: Math.min(8, settings.capacity - 1) });
  }

  togglePause(lane: Lane): void {
    if (lane.pausedAtMs === undefined) lane.pause();
    else lane.resume();
    this.timeline?.paused(lane.name, lane.pausedAtMs);
    this.#note(lane.name, 'change', lane.pausedAtMs === undefined ? 'reading goes on' : 'reading paused');
  }

  async #resubscribe(lane: Lane, settings: LaneSettings): Promise<void> {
    this.timeline?.paused(lane.name, undefined);
    this.timeline?.mark(lane.name, settings.overflow);
    this.#note(
      lane.name,
      'change',
      `subscribed anew: ${settings.overflow}, room for ${count(settings.capacity)}; its account begins anew`,
    );
    await lane.open(this.#hub!, settings);
  }

  #stateChanged(event: HubEvents['state']): void {
    this.state = event.state;
    if (event.state === 'draining') return;
    if (event.state === 'online') {
      this.#online(event.resumed);
      return;
    }
    if (!this.outage) {
      this.outage = {
        fromMs: performance.now(),
        toMs: undefined,
        backAtHubMs: 0,
        isResumed: false,
        lanes: {
          normal: { lost: 0, caughtUp: 0, isOver: false },
          throttled: { lost: 0, caughtUp: 0, isOver: false },
        },
      };
      this.timeline?.outage(this.outage);
      this.#note('connection', 'offline', 'connection lost; the session waits to be resumed');
      this.announcement = 'Connection lost';
    }
    if (event.state === 'closed') this.problem = 'The connection was closed for good: reload the page.';
  }

  #online(isResumed: boolean | undefined): void {
    this.state = 'online';
    this.problem = '';
    const outage = this.outage;
    if (!outage) return;
    outage.toMs = performance.now();
    outage.backAtHubMs = this.hubNow();
    outage.isResumed = isResumed ?? false;
    this.outage = undefined;
    this.#settling = outage;
    const how = outage.isResumed ? 'session resumed' : 'a new session, from the cursors';
    this.#note('connection', 'online', `back after ${duration(outage.toMs - outage.fromMs)}: ${how}`);
    this.announcement = `Back after ${duration(outage.toMs - outage.fromMs)}, ${how}`;
  }
  #settling: Outage | undefined;

  #message(lane: Lane, event: MetricEvent): void {
    const nowMs = Date.now();
    this.#clockOffsetMs = Math.min(this.#clockOffsetMs, nowMs - event.timeMs);
    lane.lastAgeMs = this.hubNow() - event.timeMs;
    const { run, n } = event.data;
    if (lane.name === 'normal' && run !== this.run) {
      this.run = run;
      this.head = 0;
    }
    if (run === this.run) this.head = Math.max(this.head, n);
    this.timeline?.delivered(lane.name, event.replaced);
    this.#settle(lane.name, event.timeMs);
    if (lane.name === 'normal') this.#metric(event);
  }

  #settle(name: LaneName, timeMs: number): void {
    const part = this.#settling?.lanes[name];
    if (!part || part.isOver) return;
    if (timeMs > this.#settling!.backAtHubMs) part.isOver = true;
    else part.caughtUp += 1;
  }

  #gap(lane: Lane, event: GapEvent): void {
    const part = this.#settling?.lanes[lane.name];
    if (part && !part.isOver)
      part.lost = part.lost === null || event.count === null ? null : part.lost + event.count;
    this.timeline?.gap(lane.name, event);
    this.#noteGap(lane.name, event);
  }

  /** A slow handler meets a gap every few messages: lines are joined, the ranges stay. */
  #noteGap(where: LaneName, { count: lost, reason, ranges }: GapEvent): void {
    const nowMs = performance.now();
    const open = this.#gapLine;
    const isSame = open?.where === where && open.reason === reason && nowMs - open.sinceMs < GAP_LINE_MS;
    const line =
      isSame && this.log[0]?.id === open.id
        ? open
        : {
            id: this.#logCount + 1,
            where,
            reason,
            sinceMs: nowMs,
            gaps: 0,
            lost: 0,
            ranges: [] as GapRange[],
          };
    line.gaps += 1;
    line.lost += lost ?? 0;
    line.ranges = [...line.ranges, ...ranges].slice(0, MAX_RANGES_KEPT);
    if (line === open) this.log = this.log.slice(1);
    this.#gapLine = line;
    const text = lost === null ? 'an unknown number of messages' : plural(line.lost, 'message');
    const gaps = line.gaps > 1 ? ` in ${line.gaps} gaps` : '';
    this.#note(where, 'gap', `${text} lost${gaps}: ${reason}`, rangesText(line), line.id);
  }
  #gapLine:
    | {
        id: number;
        where: LaneName;
        reason: string;
        sinceMs: number;
        gaps: number;
        lost: number;
        ranges: GapRange[];
      }
    | undefined;

  #failed(where: LogEntry['where'], error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    this.#note(where, 'error', this.problem);
  }

  #takeQueues(queues: HubQueues): void {
    this.queues = queues;
    const waiting = queues.list.map(
      ({ name, ready, inflight, delayed }) => [name, ready + inflight + delayed] as const,
    );
    this.#waiting.add(new Map(waiting));
  }

  #metric({ routingKey, data, timeMs }: MetricEvent): void {
    const [place, kind, ...rest] = routingKey.split('.');
    const name = rest.join('.');
    if (place === 'hub' && kind === 'rates') this.rates = data as unknown as HubRates;
    else if (place === 'hub' && kind === 'ledger') this.ledger = data as unknown as HubLedger;
    else if (place === 'hub' && kind === 'queues') this.#takeQueues(data as unknown as HubQueues);
    else if (kind === 'info') this.info = data as unknown as HostInfo;
    else if (kind === 'process') this.top = data as unknown as TopMetric;
    else if (kind === 'cpu') {
      if (name === 'all') this.history.openRow(timeMs);
      this.history.set(`cpu.${name}`, (data as unknown as CpuMetric).busy);
    } else if (kind === 'memory') {
      this.memory = data as unknown as MemoryMetric;
      this.history.set('memory.used', this.memory.used);
      this.history.set('memory.cached', this.memory.cached);
    } else if (kind === 'net') {
      this.#nets.set(name, data as unknown as NetMetric);
      this.history.set('net.received', sum(this.#nets, 'received'));
      this.history.set('net.sent', sum(this.#nets, 'sent'));
    } else if (kind === 'disk') {
      this.#disks.set(name, data as unknown as DiskMetric);
      this.history.set('disk.read', sum(this.#disks, 'read'));
      this.history.set('disk.written', sum(this.#disks, 'written'));
    }
  }

  #note(where: LogEntry['where'], kind: LogEntry['kind'], text: string, detail = '', id?: number): void {
    this.#logCount = Math.max(this.#logCount, id ?? this.#logCount + 1);
    const entry = { id: id ?? this.#logCount, time: clockTime(Date.now()), where, kind, text, detail };
    this.log = [entry, ...this.log.slice(0, MAX_LOG - 1)];
  }
}

const sum = <K extends string>(parts: ReadonlyMap<string, Readonly<Record<K, number>>>, field: K): number => {
  let total = 0;
  for (const part of parts.values()) total += part[field];
  return total;
};

const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** `offsets 1204–1251 (48), …`: which ones, as exactly as the hub says it. */
export function rangesText({ ranges }: { readonly ranges: readonly GapRange[] }): string {
  const shown = ranges.slice(0, MAX_RANGES_SHOWN).map(({ from, to, count: lost }) => {
    const span = to === null ? `from ${from}` : from === to ? `${from}` : `${from}–${to}`;
    return lost === null || (to !== null && lost === to - from + 1) ? span : `${span} (${lost} of them)`;
  });
  const more = ranges.length > shown.length ? ` and ${ranges.length - shown.length} more ranges` : '';
  return shown.length === 0 ? '' : `offsets ${shown.join(', ')}${more}`;
}
