/**
 * What the feeder publishes and the pages read: the exchange, its keys and the shape of each payload.
 *
 * Every payload carries `run` and `n`. The feeder numbers what it publishes by one, so that a reader can check
 * by itself what the hub says about losses: numbers seen + replaced + told as lost = numbers published.
 */

export const METRICS_EXCHANGE = 'metrics';

export interface Numbered {
  /** One unbroken life of a feeder; numbers of different runs do not compare. */
  readonly run: string;
  /** 1, 2, 3 … over all keys of the run. */
  readonly n: number;
}

/** `host.cpu.all`, `host.cpu.0` …: shares of the last interval, 0–100. */
export interface CpuMetric {
  readonly busy: number;
  readonly user: number;
  readonly system: number;
  readonly iowait: number;
}

/** `host.memory`, in bytes. */
export interface MemoryMetric {
  readonly total: number;
  readonly used: number;
  readonly cached: number;
  readonly swapUsed: number;
}

/** `host.net.<interface>`, bytes a second. */
export interface NetMetric {
  readonly received: number;
  readonly sent: number;
}

/** `host.disk.<device>`, bytes a second and the share of time it was busy, 0–100. */
export interface DiskMetric {
  readonly read: number;
  readonly written: number;
  readonly busy: number;
}

export interface TopProcess {
  readonly pid: number;
  readonly name: string;
  /** Share of one core, 0–100 × cores. */
  readonly cpu: number;
  readonly memory: number;
}

/** `host.process.top`: the busiest first. */
export interface TopMetric {
  readonly processes: readonly TopProcess[];
  /** All processes of the host. */
  readonly total: number;
}

/** `host.info`: said when it changes and every few seconds. */
export interface HostInfo {
  readonly name: string;
  readonly platform: string;
  readonly cores: number;
  readonly coresShown: number;
  readonly uptimeS: number;
  readonly load: readonly number[];
}

/** `hub.rates`: a second, over about the last second. */
export interface HubRates {
  readonly published: number;
  readonly routed: number;
  readonly delivered: number;
  readonly gaps: number;
  readonly connections: number;
  readonly sessionsAttached: number;
  readonly sessionsParked: number;
  readonly queues: number;
  readonly heldBytes: number;
  readonly budgetBytes: number;
  readonly resumed: number;
}

/** `hub.ledger`: every obligation there ever was and what became of it. */
export interface HubLedger {
  readonly routed: number;
  readonly acked: number;
  readonly written: number;
  readonly rejected: number;
  readonly expired: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly ready: number;
  readonly inflight: number;
  readonly residual: number;
}

/** The four numbers, as `inspect` and `stats` tell them; null while there is nothing to tell. */
export interface QueueFigures {
  readonly responseTimeMs: number | null;
  readonly throughputPerSec: number;
  readonly lossRate: number | null;
  readonly delayMs: number | null;
}

export interface QueueMetric {
  readonly name: string;
  readonly ready: number;
  readonly inflight: number;
  readonly delayed: number;
  readonly consumers: number;
  readonly figures: QueueFigures;
}

/** `hub.queues`: named queues, twice a second. */
export interface HubQueues {
  readonly count: number;
  /** Of all together. */
  readonly figures: QueueFigures;
  /** The busiest ones, by name. */
  readonly list: readonly QueueMetric[];
}
