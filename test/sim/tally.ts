/** What many seeds came to: printed as they are played, and at the end. */
export interface Played {
  readonly seed: number;
  readonly hash: string;
  readonly steps: number;
  readonly published: number;
  /** Which promise was broken, and how. */
  readonly broken: string | undefined;
  readonly trace: readonly string[];
  readonly reached: readonly (readonly [what: string, times: number])[];
}

export interface TallyOptions {
  /** Of the trace of a seed that fails. */
  readonly lines: number;
  /** Also of seeds that do not. */
  readonly printsAll: boolean;
  readonly printsDigests: boolean;
  readonly keepsGoing: boolean;
}

const TOLD_EVERY_S = 10;

export class Tally {
  private readonly startedAt = performance.now();
  private readonly broken = new Map<string, number[]>();
  private readonly reached = new Map<string, number>();
  private readonly hashes = new Map<number, string>();
  private steps = 0;
  private published = 0;
  private toldAt = 0;

  constructor(
    private readonly count: number,
    private readonly options: TallyOptions,
  ) {}

  get isClean(): boolean {
    return this.broken.size === 0;
  }

  /** Returns whether to go on. */
  add(played: Played): boolean {
    const { seed, hash, steps, published, broken, reached } = played;
    this.steps += steps;
    this.published += published;
    this.hashes.set(seed, hash);
    for (const [what, times] of reached) this.reached.set(what, (this.reached.get(what) ?? 0) + times);
    if (this.options.printsDigests) console.log(`${seed} ${hash} ${steps}`);
    if (broken !== undefined) {
      const [invariant = ''] = broken.split(':');
      this.broken.set(invariant, [...(this.broken.get(invariant) ?? []), seed]);
      if (this.options.keepsGoing) console.log(`seed ${seed}: ${broken.split('\n')[0]}`);
      else this.print(played);
      return this.options.keepsGoing;
    }
    if (this.options.printsAll) this.print(played);
    else if (this.seconds - this.toldAt > TOLD_EVERY_S) {
      this.toldAt = this.seconds;
      console.log(`${this.hashes.size} of ${this.count} seeds, ${this.sums}`);
    }
    return true;
  }

  end(printsReached: boolean): void {
    console.log(`${this.hashes.size} seeds: ${this.sums}, digest ${this.digest}`);
    if (printsReached)
      for (const what of [...this.reached.keys()].sort()) console.log(`  ${what}: ${this.reached.get(what)}`);
    for (const [invariant, seeds] of this.broken)
      console.log(`${invariant}: ${seeds.length} seeds, first ${Math.min(...seeds)}`);
  }

  private print({ seed, hash, steps, published, broken, trace }: Played): void {
    for (const line of trace.slice(-this.options.lines)) console.log(`  ${line}`);
    const end = broken === undefined ? 'ok' : `FAILED ${broken}`;
    console.log(`seed ${seed}: ${end} (${steps} steps, ${published} publishes, digest ${hash})`);
  }

  private get seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  private get sums(): string {
    const { steps, published, seconds } = this;
    const rate = Math.round(steps / seconds);
    return `${steps} steps, ${published} publishes, ${seconds.toFixed(1)} s, ${rate} steps a second`;
  }

  /** Of all seeds, in their order. */
  private get digest(): string {
    let digest = 0x811c9dc5;
    for (const seed of [...this.hashes.keys()].sort((a, b) => a - b))
      digest = Math.imul(digest ^ Number.parseInt(this.hashes.get(seed)!, 16), 0x01000193);
    return (digest >>> 0).toString(16).padStart(8, '0');
  }
}
