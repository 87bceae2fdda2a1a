/**
 * What routing costs: `node scripts/run-ts.mjs bench/routing.ts`
 *
 * Patterns are 60 % exact and 40 % with wildcards, one target each. A cached match is one of 4,096 keys asked
 * for again; a cold one a key never asked for; the Map is a plain lookup of the same 4,096 keys, the least any
 * router could do. `churn` is a cached match with one binding added or removed before every tenth of them. `add` and
 * `remove` are of 2,000 patterns more, while so many are there.
 */
import { TopicExchange } from '../server/src/core/topic-exchange.ts';

const SIZES = [1_000, 10_000, 100_000];
const HOT_KEYS = 4_096;
const MORE_PATTERNS = 2_000;
const ROUNDS = 15;

interface Row {
  readonly patterns: number;
  readonly mapNs: number;
  readonly cachedNs: number;
  readonly cachedHeapBytes: number;
  readonly churnNs: number;
  readonly coldNs: number;
  readonly addNs: number;
  readonly removeNs: number;
}

const area = (i: number) => `area${i % 97}`;
const site = (i: number) => `site${(i * 7919) % 10_007}`;

function patternAt(i: number): string {
  switch (i % 10) {
    case 6:
      return `${area(i)}.${site(i)}.*.d${i}`;
    case 7:
      return `${area(i)}.*.s${i}`;
    case 8:
      return `${area(i)}.${site(i)}.n${i}.#`;
    case 9:
      return `#.${site(i)}.e${i}`;
    default:
      return `${area(i)}.${site(i)}.unit.v${i}`;
  }
}

/** Three in four keys have an exact pattern; the others meet wildcards, or nothing. */
const keyAt = (i: number, patterns: number): string =>
  i % 4 === 0 ? `${area(i)}.${site(i)}.n${i % patterns}.x${i}` : patternAt((i * 10 + (i % 6)) % patterns);

/** The best of several rounds, in ns per operation: noise only ever adds. */
function best(operations: number, run: () => void, prepare: () => void = () => {}): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    prepare();
    const start = process.hrtime.bigint();
    run();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / operations);
  }
  return least;
}

/** Kept so that no compiler leaves out what is measured. */
let sink = 0;

/** Sums in a local: a number beyond 31 bits in a variable of the module would be allocated anew each time. */
function routeAll(keys: readonly string[], rounds: number, route: (key: string) => readonly object[]): void {
  let found = 0;
  for (let round = 0; round < rounds; round++) for (const key of keys) found += route(key).length;
  sink += found;
}

function measure(patterns: number): Row {
  const names = Array.from({ length: patterns }, (_, i) => patternAt(i));
  const targets = names.map((_, i) => ({ i }));
  const exchange = new TopicExchange<{ i: number }>();
  for (let i = 0; i < patterns; i++) exchange.bind(names[i]!, targets[i]!);
  const more = Array.from({ length: MORE_PATTERNS }, (_, i) => patternAt(patterns + i));
  const newcomer = { i: -2 };
  const bindMore = () => {
    for (const name of more) exchange.bind(name, newcomer);
  };
  const unbindMore = () => {
    for (const name of more) exchange.unbind(name, newcomer);
  };
  const addNs = best(MORE_PATTERNS, bindMore, unbindMore);
  const removeNs = best(MORE_PATTERNS, unbindMore, bindMore);
  unbindMore();
  const keys = Array.from({ length: HOT_KEYS }, (_, i) => keyAt(i, patterns));
  const map = new Map(keys.map((key) => [key, exchange.route(key)]));
  const loops = 100;
  const fromMap = (key: string) => map.get(key)!;
  const mapNs = best(HOT_KEYS * loops, () => routeAll(keys, loops, fromMap));
  const fromExchange = (key: string) => exchange.route(key);
  const cachedNs = best(HOT_KEYS * loops, () => routeAll(keys, loops, fromExchange));
  const heapBefore = process.memoryUsage().heapUsed;
  routeAll(keys, loops, fromExchange);
  const cachedHeapBytes = Math.max(0, process.memoryUsage().heapUsed - heapBefore) / (HOT_KEYS * loops);

  const passer = { i: -1 };
  const churnNs = best(HOT_KEYS * 10, () => {
    for (let n = 0; n < HOT_KEYS * 10; n++) {
      if (n % 20 === 0) exchange.bind(names[n % patterns]!, passer);
      if (n % 20 === 10) exchange.unbind(names[(n - 10) % patterns]!, passer);
      // Few keys and many changes: what a busy key meets while sessions come and go.
      sink += exchange.route(keys[n % 16]!).length;
    }
  });

  let fresh: string[] = [];
  let made = 0;
  const coldNs = best(
    20_000,
    () => {
      routeAll(fresh, 1, fromExchange);
    },
    () => {
      fresh = Array.from({ length: 20_000 }, () => {
        made++;
        return `${area(made)}.${site(made)}.n${made % patterns}.y${made}`;
      });
    },
  );
  return { patterns, mapNs, cachedNs, cachedHeapBytes, churnNs, coldNs, addNs, removeNs };
}

const NAMES = {
  mapNs: 'Map lookup',
  cachedNs: 'cached match',
  churnNs: 'match in churn',
  coldNs: 'cold match',
  addNs: 'add',
  removeNs: 'remove',
} as const satisfies Partial<Record<keyof Row, string>>;

// Once unreported: the first size measured would otherwise pay for the compiler.
measure(1_000);
const rows = SIZES.map(measure);
console.log(`node ${process.version}, ${process.arch}; ns each, best of ${ROUNDS} rounds\n`);
console.log(
  '                ',
  ...SIZES.map((n) => `${n.toLocaleString('en')}`.padStart(10)),
  '    growth   × Map',
);
for (const [field, name] of Object.entries(NAMES) as [keyof typeof NAMES, string][]) {
  const figures = rows.map((row) => row[field]);
  const last = figures.at(-1)!;
  console.log(
    name.padEnd(16),
    ...figures.map((ns) => ns.toFixed(1).padStart(10)),
    `${(last / figures[0]!).toFixed(2)}×`.padStart(10),
    `${(last / rows.at(-1)!.mapNs).toFixed(1)}`.padStart(7),
  );
}
const heap = Math.max(...rows.map(({ cachedHeapBytes }) => cachedHeapBytes));
console.log(`\na cached match allocates ${heap.toFixed(3)} bytes`);
if (sink === 0) throw new Error('nothing was routed');
