/**
 * The busiest processes, at a cost that does not grow with the host: each tick reads a bounded number of
 * /proc/<pid>/stat files, and a round ends when all were read, after a second at the earliest. A host with
 * thousands of processes gets slower rounds, not a busier feeder.
 */
import type { TopMetric, TopProcess } from '../../shared/metrics.ts';
import { type ProcessTimes, parseProcess } from './parse-proc.ts';
import { round } from './rates.ts';

const READS_PER_TICK = 40;
const SHOWN = 8;
const MIN_ROUND_MS = 1000;
/** Linux tells user space jiffies of 10 ms and, on nearly every machine, pages of 4 KiB. */
const JIFFY_MS = 10;
const PAGE_BYTES = 4096;

/** Where the texts come from, so that tests need no /proc. */
export interface ProcessSource {
  list(): string[];
  stat(pid: string): string | undefined;
}

/** The process that reads, and what to call it. */
export interface Self {
  readonly pid: number;
  readonly label: string;
}

interface Seen extends ProcessTimes {
  readonly atMs: number;
}

export class ProcessTable {
  readonly #source: ProcessSource;
  readonly #self: Self;
  /** As of the last round and of the one under way: bounded by the processes there are. */
  #before = new Map<number, Seen>();
  #now = new Map<number, Seen>();
  #busiest: TopProcess[] = [];
  #todo: string[] = [];
  #total = 0;
  #readsPerTick = READS_PER_TICK;
  #roundStartedMs = Number.NEGATIVE_INFINITY;

  constructor(source: ProcessSource, self: Self) {
    this.#source = source;
    this.#self = self;
  }

  /** Reads a few more; returns the list when a round has ended that had one before it to compare with. */
  tick(nowMs: number, tickMs: number): TopMetric | undefined {
    if (this.#todo.length === 0) {
      if (nowMs - this.#roundStartedMs < MIN_ROUND_MS - tickMs / 2) return undefined;
      this.#begin(nowMs, tickMs);
    }
    for (let reads = 0; reads < this.#readsPerTick && this.#todo.length > 0; reads += 1) {
      this.#look(this.#todo.pop()!, nowMs);
    }
    return this.#todo.length === 0 ? this.#end() : undefined;
  }

  #begin(nowMs: number, tickMs: number): void {
    this.#roundStartedMs = nowMs;
    this.#todo = this.#source.list();
    this.#total = this.#todo.length;
    const evenly = Math.ceil((this.#total * tickMs) / MIN_ROUND_MS);
    this.#readsPerTick = Math.min(READS_PER_TICK, Math.max(1, evenly));
  }

  #look(pid: string, nowMs: number): void {
    const process = parseProcess(this.#source.stat(pid) ?? '');
    if (!process) return;
    const seen: Seen = { ...process, atMs: nowMs };
    this.#now.set(process.pid, seen);
    const before = this.#before.get(process.pid);
    if (!before || before.startedAt !== process.startedAt || nowMs <= before.atMs) return;
    const cpu = round(Math.max(0, ((process.cpu - before.cpu) * JIFFY_MS * 100) / (nowMs - before.atMs)));
    const name = process.pid === this.#self.pid ? `${process.name} (${this.#self.label})` : process.name;
    this.#keep({ pid: process.pid, name, cpu, memory: process.residentPages * PAGE_BYTES });
  }

  /** The list stays sorted and short: no sorting of thousands for the sake of eight. */
  #keep(process: TopProcess): void {
    const rank = this.#busiest.findIndex((other) => busier(process, other));
    if (rank >= 0) this.#busiest.splice(rank, 0, process);
    else this.#busiest.push(process);
    if (this.#busiest.length > SHOWN) this.#busiest.length = SHOWN;
  }

  #end(): TopMetric | undefined {
    const first = this.#before.size === 0;
    const processes = this.#busiest;
    this.#before = this.#now;
    this.#now = new Map();
    this.#busiest = [];
    return first ? undefined : { processes, total: this.#total };
  }
}

const busier = (a: TopProcess, b: TopProcess): boolean =>
  a.cpu > b.cpu || (a.cpu === b.cpu && a.memory > b.memory);
