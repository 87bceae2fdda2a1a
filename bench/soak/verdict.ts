/**
 * What a soak's samples say: whether memory is flat, whether everything is back where it was, whether the books added up. Pure.
 */

export interface Sample {
  /** Since the begin of the load. */
  readonly seconds: number;
  readonly rssMib: number;
  /** By JavaScript after a collection; undefined in samples that had none. */
  readonly usedMib: number | undefined;
  readonly heapMib: number;
  readonly descriptors: number;
  readonly deliveryP99Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  readonly residual: number;
  readonly deliveries: number;
  /** Registers and gauges of the hub, by name. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Caches, which keep what they have and are bounded, with their bounds. */
  readonly caches: Readonly<Record<string, readonly [size: number, bound: number]>>;
}

export interface Finding {
  readonly what: string;
  readonly isGood: boolean;
  readonly figure: string;
}

/** Logs and caches are full and the collector has found its pace after this share of a run. */
const WARM_SHARE = 0.5;
/** More than this is no measuring error: a share of what is used, in an hour. */
const MAX_GROWTH_AN_HOUR = 0.1;
/** Of files and sockets, which come and go while they are counted. */
const DESCRIPTORS_MORE = 5;

/** Least squares: by how much y grows with each x. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let [over, under] = [0, 0];
  for (const [x, y] of points) {
    over += (x - meanX) * (y - meanY);
    under += (x - meanX) ** 2;
  }
  return under === 0 ? 0 : over / under;
}

/** @param before without load, at the begin; `after` without load, at the end */
export function findings(samples: readonly Sample[], before: Sample, after: Sample): Finding[] {
  const last = samples.at(-1)?.seconds ?? 0;
  const warm = samples.filter(({ seconds }) => seconds >= last * WARM_SHARE);
  const used = warm.flatMap(({ seconds, usedMib }) =>
    usedMib === undefined ? [] : [[seconds, usedMib] as const],
  );
  const meanMib = used.reduce((sum, [, mib]) => sum + mib, 0) / used.length;
  const growth = slopeOf(used) * 3_600;
  const rssGrowth = slopeOf(warm.map(({ seconds, rssMib }) => [seconds, rssMib])) * 3_600;
  const worst = Math.max(...samples.map(({ residual }) => Math.abs(residual)));
  const changed = Object.keys({ ...before.sizes, ...after.sizes }).filter(
    (name) => (before.sizes[name] ?? 0) !== (after.sizes[name] ?? 0),
  );
  return [
    {
      what: 'memory in use after a collection, growth in an hour',
      isGood: used.length > 2 && growth <= meanMib * MAX_GROWTH_AN_HOUR,
      figure: `${growth.toFixed(1)} MiB of ${meanMib.toFixed(1)} (resident: ${rssGrowth.toFixed(1)} MiB)`,
    },
    {
      what: 'registers and gauges back where they were',
      isGood: changed.length === 0,
      figure:
        changed.map((name) => `${name} ${before.sizes[name] ?? 0} → ${after.sizes[name] ?? 0}`).join(', ') ||
        `all ${Object.keys(after.sizes).length}`,
    },
    {
      what: 'caches within their bounds',
      isGood: Object.values(after.caches).every(([size, bound]) => size <= bound),
      figure: Object.entries(after.caches)
        .map(([name, [size, bound]]) => `${name} ${size} of ${bound}`)
        .join(', '),
    },
    {
      what: 'descriptors back where they were',
      isGood: after.descriptors - before.descriptors <= DESCRIPTORS_MORE,
      figure: `${before.descriptors} → ${after.descriptors}`,
    },
    {
      what: 'ledger residual 0 in every sample',
      isGood: worst === 0 && after.residual === 0,
      figure: String(Math.max(worst, Math.abs(after.residual))),
    },
  ];
}
