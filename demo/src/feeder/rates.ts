/**
 * From counters to rates: what two readings say about the time between them. Pure.
 *
 * Counters may run backwards (a disk was replaced, an interface came back, a 32-bit counter went round): that
 * interval counts as nothing rather than as something absurd.
 */
import type { CpuMetric } from '../../shared/metrics.ts';
import type { CpuTimes } from './parse-proc.ts';

/** Growth a second. */
export const perSecond = (before: number, after: number, elapsedMs: number): number =>
  elapsedMs > 0 && after > before ? ((after - before) * 1000) / elapsedMs : 0;

export function cpuShares(before: CpuTimes, after: CpuTimes): CpuMetric {
  const total = after.total - before.total;
  const share = (from: number, to: number) =>
    total > 0 ? round(Math.min(100, Math.max(0, ((to - from) * 100) / total))) : 0;
  return {
    busy: share(before.total - before.idle, after.total - after.idle),
    user: share(before.user, after.user),
    system: share(before.system, after.system),
    iowait: share(before.iowait, after.iowait),
  };
}

export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));
