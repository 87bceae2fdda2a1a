/** What another process has used, read from /proc. */
import { readFileSync } from 'node:fs';

const CLOCK_TICKS_A_SECOND = 100;

const statusMib = (pid: number, field: string): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
};

/** Resident memory in MiB. */
export const rssMib = (pid: number): number => statusMib(pid, 'VmRSS');

/** Resident memory in MiB without the pages of mapped files: what the process itself takes. */
export const ownMib = (pid: number): number => statusMib(pid, 'RssAnon');

/** Seconds of CPU used so far, by all its threads. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_A_SECOND;
}

/** Seconds of CPU that the whole machine has used so far, and had at its disposal. */
export function machineSeconds(): { busy: number; all: number } {
  const ticks = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, n) => sum + n, 0);
  const idle = ticks[3]! + ticks[4]!;
  return { busy: (all - idle) / CLOCK_TICKS_A_SECOND, all: all / CLOCK_TICKS_A_SECOND };
}
