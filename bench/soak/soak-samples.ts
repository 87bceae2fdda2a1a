/** Looks at the hub of a soak from outside: its process, its metrics, and how late deliveries are. */
import { readdirSync } from 'node:fs';
import type { FarHub } from '../support/far-hub.ts';
import type { ProcessSample } from './soak-hub.ts';
import type { Sample } from './verdict.ts';

const MIB = 1024 * 1024;
/** Gauges that are back where they were once everybody has gone; `ringhub_entries` besides. */
const GAUGES: Readonly<Record<string, string>> = {
  connections: 'ringhub_connections',
  parked: 'ringhub_sessions{state="parked"}',
  queues: 'ringhub_queues',
  bindings: 'ringhub_bindings',
  exchanges: 'ringhub_exchanges',
  ready: 'ringhub_ledger_open{state="ready"}',
  inflight: 'ringhub_ledger_open{state="inflight"}',
  held_bytes: 'ringhub_memory_held_bytes',
};
const REGISTER = /^ringhub_entries\{register="(\w+)"\}$/;

export class Sampler {
  private readonly startedMs = performance.now();

  constructor(
    private readonly hub: FarHub,
    private readonly takeDelayP99Ms: () => number,
    /** By register: those that are caches, with their bounds. */
    private readonly cacheBounds: Readonly<Record<string, number>>,
  ) {}

  async sample(isCollecting: boolean): Promise<Sample> {
    const { rss, used, heapTotal, lagP99Ms, lagMaxMs } = await this.hub.ask<ProcessSample>(
      isCollecting ? 'collect' : 'look',
    );
    const metrics = await this.metrics();
    const value = (name: string) => metrics.get(name) ?? 0;
    const sizes: Record<string, number> = {};
    const caches: Record<string, readonly [number, number]> = {};
    for (const [name, metric] of Object.entries(GAUGES)) sizes[name] = value(metric);
    for (const [metric, size] of metrics) {
      const register = REGISTER.exec(metric)?.[1];
      if (register === undefined) continue;
      const bound = this.cacheBounds[register];
      if (bound === undefined) sizes[register] = size;
      else caches[register] = [size, bound];
    }
    return {
      seconds: Math.round((performance.now() - this.startedMs) / 100) / 10,
      rssMib: rss / MIB,
      usedMib: isCollecting ? used / MIB : undefined,
      heapMib: heapTotal / MIB,
      descriptors: readdirSync(`/proc/${this.hub.pid}/fd`).length,
      deliveryP99Ms: this.takeDelayP99Ms(),
      lagP99Ms,
      lagMaxMs,
      residual: value('ringhub_ledger_residual'),
      deliveries: value('ringhub_deliveries_total'),
      sizes,
      caches,
    };
  }

  private async metrics(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`http://127.0.0.1:${this.hub.port}/metrics`);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.replace(/ [^ ]+$/, ''), Number(line.split(' ').at(-1))]));
  }
}
