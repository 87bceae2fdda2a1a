/**
 * The readings of this machine. On Linux from /proc; elsewhere from what Node knows (CPU and memory), and what
 * it does not know is left out rather than invented.
 *
 * Jiffies are 10 ms long, so shares over 100 ms would come in steps of 10 %: each reading is compared with the
 * one half a second before, which is still published ten times a second.
 */
import { cpus, freemem, hostname, loadavg, platform, totalmem, uptime } from 'node:os';
import type { DiskMetric, HostInfo, MemoryMetric, NetMetric } from '../../shared/metrics.ts';
import {
  type CpuTimes,
  type DiskCounters,
  isOuterInterface,
  isWholeDisk,
  type NetCounters,
  parseCpuTimes,
  parseDisks,
  parseMemory,
  parseNet,
} from './parse-proc.ts';
import { listPids, ProcFile, readProcessStat } from './proc-file.ts';
import { ProcessTable } from './process-table.ts';
import { cpuShares, perSecond, round } from './rates.ts';

export type Publish = (key: string, value: object) => void;

/** Bounds on what a large machine makes the feeder publish. */
const MAX_CORES = 32;
const MAX_INTERFACES = 4;
const MAX_DISKS = 4;
const WINDOW_TICKS = 5;
const INFO_EVERY_TICKS = 20;

interface Reading {
  readonly atMs: number;
  readonly cpus: readonly CpuTimes[];
  readonly nets: readonly NetCounters[];
  readonly disks: readonly DiskCounters[];
}

export interface HostSampler {
  sample(nowMs: number, tickMs: number, publish: Publish): void;
  close(): void;
}

/** `label` is what to call this process among the busiest ones. */
export const openHostSampler = (label: string): HostSampler =>
  platform() === 'linux' ? new LinuxSampler(label) : new PortableSampler();

/** What both have in common: the window of readings and what follows from two of them. */
class RateWindow {
  readonly #readings: Reading[] = [];
  #ticks = 0;

  publish(reading: Reading, publish: Publish): void {
    const before = this.#readings[0];
    this.#readings.push(reading);
    if (this.#readings.length > WINDOW_TICKS) this.#readings.shift();
    if (this.#ticks++ % INFO_EVERY_TICKS === 0) publish('host.info', hostInfo(reading.cpus.length - 1));
    if (!before) return;
    publishCpus(before, reading, publish);
    const elapsedMs = reading.atMs - before.atMs;
    for (const after of reading.nets) {
      const from = before.nets.find(({ name }) => name === after.name);
      if (!from) continue;
      const metric: NetMetric = {
        received: Math.round(perSecond(from.receivedBytes, after.receivedBytes, elapsedMs)),
        sent: Math.round(perSecond(from.sentBytes, after.sentBytes, elapsedMs)),
      };
      publish(`host.net.${keyWord(after.name)}`, metric);
    }
    for (const after of reading.disks) {
      const from = before.disks.find(({ name }) => name === after.name);
      if (!from) continue;
      const metric: DiskMetric = {
        read: Math.round(perSecond(from.readBytes, after.readBytes, elapsedMs)),
        written: Math.round(perSecond(from.writtenBytes, after.writtenBytes, elapsedMs)),
        busy: round(Math.min(100, perSecond(from.busyMs, after.busyMs, elapsedMs) / 10)),
      };
      publish(`host.disk.${keyWord(after.name)}`, metric);
    }
  }
}

class LinuxSampler implements HostSampler {
  readonly #stat = new ProcFile('/proc/stat');
  readonly #memory = new ProcFile('/proc/meminfo');
  readonly #net = new ProcFile('/proc/net/dev');
  readonly #disks = new ProcFile('/proc/diskstats');
  readonly #window = new RateWindow();
  readonly #processes: ProcessTable;

  constructor(label: string) {
    this.#processes = new ProcessTable(
      { list: listPids, stat: readProcessStat },
      { pid: process.pid, label },
    );
  }

  sample(nowMs: number, tickMs: number, publish: Publish): void {
    this.#window.publish(
      {
        atMs: nowMs,
        cpus: parseCpuTimes(this.#stat.read()),
        nets: parseNet(this.#net.read())
          .filter(({ name }) => isOuterInterface(name))
          .slice(0, MAX_INTERFACES),
        disks: parseDisks(this.#disks.read())
          .filter(({ name }) => isWholeDisk(name))
          .slice(0, MAX_DISKS),
      },
      publish,
    );
    const memory = parseMemory(this.#memory.read());
    const metric: MemoryMetric = {
      total: memory.total,
      used: memory.total - memory.available,
      cached: memory.cached,
      swapUsed: memory.swapTotal - memory.swapFree,
    };
    publish('host.memory', metric);
    const top = this.#processes.tick(nowMs, tickMs);
    if (top) publish('host.process.top', top);
  }

  close(): void {
    for (const file of [this.#stat, this.#memory, this.#net, this.#disks]) file.close();
  }
}

class PortableSampler implements HostSampler {
  readonly #window = new RateWindow();

  sample(nowMs: number, _tickMs: number, publish: Publish): void {
    const cores = cpus().map(({ times }, index) => ({
      name: `cpu${index}`,
      user: times.user + times.nice,
      system: times.sys + times.irq,
      iowait: 0,
      idle: times.idle,
      total: times.user + times.nice + times.sys + times.irq + times.idle,
    }));
    this.#window.publish({ atMs: nowMs, cpus: [sumOf(cores), ...cores], nets: [], disks: [] }, publish);
    const metric: MemoryMetric = { total: totalmem(), used: totalmem() - freemem(), cached: 0, swapUsed: 0 };
    publish('host.memory', metric);
  }

  close(): void {}
}

function publishCpus(before: Reading, after: Reading, publish: Publish): void {
  for (const cpu of after.cpus.slice(0, MAX_CORES + 1)) {
    // Cores come and go: compare by name.
    const from = before.cpus.find(({ name }) => name === cpu.name);
    if (!from) continue;
    publish(`host.cpu.${cpu.name === 'cpu' ? 'all' : cpu.name.slice(3)}`, cpuShares(from, cpu));
  }
}

const hostInfo = (cores: number): HostInfo => ({
  name: hostname(),
  platform: platform(),
  cores,
  coresShown: Math.min(cores, MAX_CORES),
  uptimeS: Math.round(uptime()),
  load: loadavg().map((value) => round(value, 2)),
});

function sumOf(cores: readonly CpuTimes[]): CpuTimes {
  const sum = (field: Exclude<keyof CpuTimes, 'name'>) =>
    cores.reduce((total, core) => total + core[field], 0);
  return {
    name: 'cpu',
    user: sum('user'),
    system: sum('system'),
    iowait: 0,
    idle: sum('idle'),
    total: sum('total'),
  };
}

/** A dot would begin another word of the routing key (`eth0.100` is a VLAN). */
const keyWord = (name: string): string => name.replaceAll('.', '-');
