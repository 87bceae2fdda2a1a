/** Latencies in buckets a thirty-second of an octave wide: a percentile is at most 2.2 % too high. */
const STEPS = 32;
const OCTAVES = 34;

export class Latency {
  private readonly buckets = new Uint32Array(STEPS * OCTAVES);
  count = 0;
  maxUs = 0;

  add(us: number, times = 1): void {
    this.buckets[Math.max(0, Math.ceil(Math.log2(us) * STEPS))]! += times;
    this.count += times;
    if (us > this.maxUs) this.maxUs = us;
  }

  /** In ms; 0 where nothing was measured. */
  percentileMs(percent: number): number {
    let left = (this.count * percent) / 100;
    for (let i = 0; i < this.buckets.length; i++) {
      left -= this.buckets[i]!;
      if (left <= 0 && this.count > 0) return Math.min(2 ** (i / STEPS), this.maxUs) / 1000;
    }
    return this.maxUs / 1000;
  }

  reset(): void {
    this.buckets.fill(0);
    this.count = 0;
    this.maxUs = 0;
  }
}
