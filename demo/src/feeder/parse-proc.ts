/**
 * Readers for the texts of Linux' /proc: pure, from a text to numbers, forgiving about lines they do not know.
 *
 * A text that is cut short or strange gives fewer entries, never an exception: kernels differ, containers hide
 * files, and a process may end between listing and reading.
 */

/** Jiffies since boot. `idle` has the time spent waiting for disks in it, as `busy + idle = total`. */
export interface CpuTimes {
  readonly name: string;
  readonly user: number;
  readonly system: number;
  readonly iowait: number;
  readonly idle: number;
  readonly total: number;
}

/** `/proc/stat`: first the sum, named `cpu`, then `cpu0`, `cpu1` … as far as they are online. */
export function parseCpuTimes(text: string): CpuTimes[] {
  const cpus: CpuTimes[] = [];
  for (const line of text.split('\n')) {
    // The cpu lines stand first; the long interrupt line after them is not worth splitting.
    if (!line.startsWith('cpu')) break;
    const [name = '', ...fields] = line.split(/\s+/);
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
      fields.map(Number);
    const total = user + nice + system + idle + iowait + irq + softirq + steal;
    if (!Number.isFinite(total) || total === 0) continue;
    cpus.push({
      name,
      user: user + nice,
      system: system + irq + softirq + steal,
      iowait,
      idle: idle + iowait,
      total,
    });
  }
  return cpus;
}

export interface MemoryInfo {
  readonly total: number;
  readonly available: number;
  readonly cached: number;
  readonly swapTotal: number;
  readonly swapFree: number;
}

/** `/proc/meminfo`, in bytes. */
export function parseMemory(text: string): MemoryInfo {
  const bytes = new Map<string, number>();
  for (const [, name, kib] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) bytes.set(name!, Number(kib) * 1024);
  const of = (name: string) => bytes.get(name) ?? 0;
  const free = of('MemFree') + of('Buffers') + of('Cached');
  return {
    total: of('MemTotal'),
    // Kernels before 3.14 do not estimate it.
    available: bytes.get('MemAvailable') ?? free,
    cached: of('Buffers') + of('Cached') + of('SReclaimable'),
    swapTotal: of('SwapTotal'),
    swapFree: of('SwapFree'),
  };
}

export interface NetCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** `/proc/net/dev`, all interfaces. */
export function parseNet(text: string): NetCounters[] {
  const interfaces: NetCounters[] = [];
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const receivedBytes = fields[0];
    const sentBytes = fields[8];
    if (!Number.isFinite(receivedBytes) || !Number.isFinite(sentBytes)) continue;
    interfaces.push({
      name: line.slice(0, colon).trim(),
      receivedBytes: receivedBytes!,
      sentBytes: sentBytes!,
    });
  }
  return interfaces;
}

export interface DiskCounters {
  readonly name: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Milliseconds with something in flight. */
  readonly busyMs: number;
}

/** The kernel counts in units of 512 bytes, whatever the disk's sectors are. */
const SECTOR_BYTES = 512;

/** `/proc/diskstats`, all devices, partitions too. */
export function parseDisks(text: string): DiskCounters[] {
  const disks: DiskCounters[] = [];
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const name = fields[2];
    const [sectorsRead, sectorsWritten, busyMs] = [5, 9, 12].map((index) => Number(fields[index]));
    if (!name || !Number.isFinite(sectorsRead! + sectorsWritten! + busyMs!)) continue;
    disks.push({
      name,
      readBytes: sectorsRead! * SECTOR_BYTES,
      writtenBytes: sectorsWritten! * SECTOR_BYTES,
      busyMs: busyMs!,
    });
  }
  return disks;
}

/** Whole disks that a person would call one: no partitions, loops, RAM disks, or optical drives. */
export const isWholeDisk = (name: string): boolean =>
  /^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(name);

/** Interfaces that lead somewhere: not the loopback, nor a container's or bridge's inner ends. */
export const isOuterInterface = (name: string): boolean =>
  !/^(lo|veth|docker|br-|virbr|cni|flannel|cali|ifb|dummy|tunl|sit|ip6tnl|gre|erspan|bonding_masters)/.test(
    name,
  );

export interface ProcessTimes {
  readonly pid: number;
  readonly name: string;
  /** Jiffies of user and system time. */
  readonly cpu: number;
  readonly residentPages: number;
  /** Jiffies after boot: with the pid it names a process for good, as pids are used again. */
  readonly startedAt: number;
}

/** `/proc/<pid>/stat`. The name stands in parentheses and may itself hold spaces and parentheses. */
export function parseProcess(text: string): ProcessTimes | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const pid = Number(text.slice(0, open));
  // The fields after the name: the first is the third of proc(5).
  const fields = text.slice(close + 2).split(' ');
  const cpu = Number(fields[11]) + Number(fields[12]);
  const startedAt = Number(fields[19]);
  const residentPages = Number(fields[21]);
  if (!Number.isFinite(pid + cpu + startedAt + residentPages)) return undefined;
  return { pid, name: text.slice(open + 1, close), cpu, residentPages, startedAt };
}
