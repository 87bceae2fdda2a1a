/**
 * What routing costs: `node scripts/run-ts.mjs bench/routing.ts`
 *
 * Patterns are 60 % exact and 40 % with wildcards, one target each, in random order. Each size is measured {@link REPETITIONS} times, in turn
 * with the others, on a table built anew; a figure is the median of these, and each of these is the mean of all
 * operations, garbage collection included.
 *
 * - A cached match is one of 4,096 keys asked for again, a cold one a key never asked for; the Map is a plain lookup
 *   of the same 4,096 keys, the least any router could do. `churn` is a cached match with one binding added or removed
 *   before every tenth of them.
 * - `remove` and `add` are of a table that keeps its size: 50 bindings picked at random of all that are there go, and
 *   50 of patterns never seen before come, over and over, after a warm-up of as many. Texts come flat and without a
 *   hash, as they do off the wire. `Map delete` and `Map set` are the same texts in the same order, out of and into a plain Map from
 *   text to target: what the memory of this machine takes for as many entries.
 * - `cold` are the same from cold memory: before each 50 the caches are filled with something else. What is there besides is the time of caches,
 *   which hold all of a small table and little of a large one.
 * - `steps` are the nodes of the trie that one operation looks at, exact patterns, which look at none, counted: its work, whatever the machine.
 * - Bytes are the heap's growth for each binding, its text and target included.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TopicExchange } from '../server/src/core/topic-exchange.ts';

const SIZES = [1_000, 10_000, 100_000];
const REPETITIONS = 5;
const HOT_KEYS = 4_096;
const BATCH = 50;
const BATCHES = 1_000;
/** Of those from cold memory, which cost more around them than in them. */
const COLD_BATCHES = 200;
/** More than the caches hold. */
const FLUSH_BYTES = 128 * 1024 * 1024;

interface Target {
  readonly i: number;
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

/** The same text as if it had just been read from a socket. */
const offTheWire = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

/** The same numbers in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function nsOf(run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Kept so that no compiler leaves out what is measured. */
let sink = 0;

/** Sums in a local: a number beyond 31 bits in a variable of the module would be allocated anew each time. */
function routeAll(keys: readonly string[], rounds: number, route: (key: string) => readonly object[]): void {
  let found = 0;
  for (let round = 0; round < rounds; round++) for (const key of keys) found += route(key).length;
  sink += found;
}

interface Table {
  bind(pattern: string, target: Target): void;
  unbind(pattern: string, target: Target): void;
}

class PlainMap implements Table {
  readonly #map = new Map<string, Target>();

  bind(pattern: string, target: Target): void {
    this.#map.set(pattern, target);
  }

  unbind(pattern: string): void {
    this.#map.delete(pattern);
  }
}

const flushed = new Uint8Array(FLUSH_BYTES);

/** Leaves nothing of a table in the caches. */
function flushCaches(): void {
  for (let at = 0; at < FLUSH_BYTES; at += 64) flushed[at]!++;
  sink += flushed[0]!;
}

/**
 * Fills a table, and then replaces its bindings at random; ns for each binding taken away and put in, and bytes for each.
 *
 * @param before run before each batch of those taken away, and of those put in
 * @param steps how many the table has counted so far
 */
function replaceBindings(
  table: Table,
  patterns: number,
  batches: number,
  { before = () => {}, steps = () => 0 }: { before?: () => void; steps?: () => number } = {},
) {
  const random = randomFrom(patterns);
  const order = Array.from({ length: patterns }, (_, i) => i);
  for (let i = patterns - 1; i > 0; i--) {
    const other = random(i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  const empty = heapBytes();
  const bound = order.map((i) => ({ pattern: offTheWire(patternAt(i)), target: { i } }));
  for (const { pattern, target } of bound) table.bind(pattern, target);
  // The list's own: an array's slot and an object of two fields.
  const bytes = (heapBytes() - empty) / patterns - 8 - 40;

  let made = patterns;
  let removeNs = 0;
  let addNs = 0;
  let removeSteps = 0;
  let addSteps = 0;
  for (let batch = -batches; batch < batches; batch++) {
    const places = new Set<number>();
    while (places.size < BATCH) places.add(random(patterns));
    const gone = Array.from(places, (at) => ({ ...bound[at]!, pattern: offTheWire(bound[at]!.pattern) }));
    const come = Array.from(places, () => ({ pattern: offTheWire(patternAt(made)), target: { i: made++ } }));
    const stepsBefore = steps();
    before();
    const goneNs = nsOf(() => {
      for (const { pattern, target } of gone) table.unbind(pattern, target);
    });
    const stepsBetween = steps();
    before();
    const comeNs = nsOf(() => {
      for (const { pattern, target } of come) table.bind(pattern, target);
    });
    Array.from(places).forEach((at, n) => {
      bound[at] = come[n]!;
    });
    if (batch < 0) continue;
    removeNs += goneNs;
    addNs += comeNs;
    removeSteps += stepsBetween - stepsBefore;
    addSteps += steps() - stepsBetween;
  }
  const operations = batches * BATCH;
  return {
    bytes,
    removeNs: removeNs / operations,
    addNs: addNs / operations,
    removeSteps: removeSteps / operations,
    addSteps: addSteps / operations,
  };
}

function measureMatches(patterns: number) {
  const exchange = new TopicExchange<Target>();
  const names = Array.from({ length: patterns }, (_, i) => offTheWire(patternAt(i)));
  names.forEach((name, i) => {
    exchange.bind(name, { i });
  });
  const keys = Array.from({ length: HOT_KEYS }, (_, i) => keyAt(i, patterns));
  const map = new Map(keys.map((key) => [key, exchange.route(key)]));
  const loops = 200;
  const fromMap = (key: string) => map.get(key)!;
  const fromExchange = (key: string) => exchange.route(key);
  routeAll(keys, loops, fromMap);
  const mapNs = nsOf(() => routeAll(keys, loops, fromMap)) / HOT_KEYS / loops;
  routeAll(keys, loops, fromExchange);
  const heapBefore = process.memoryUsage().heapUsed;
  const cachedNs = nsOf(() => routeAll(keys, loops, fromExchange)) / HOT_KEYS / loops;
  const cachedBytes = Math.max(0, process.memoryUsage().heapUsed - heapBefore) / HOT_KEYS / loops;

  const passer = { i: -1 };
  const churn = () => {
    for (let n = 0; n < HOT_KEYS * 20; n++) {
      if (n % 20 === 0) exchange.bind(names[n % patterns]!, passer);
      if (n % 20 === 10) exchange.unbind(names[(n - 10) % patterns]!, passer);
      // Few keys and many changes: what a busy key meets while sessions come and go.
      sink += exchange.route(keys[n % 16]!).length;
    }
  };
  churn();
  const churnNs = nsOf(churn) / HOT_KEYS / 20;

  const [warmUp, fresh] = [0, 1].map((part) =>
    Array.from({ length: 50_000 }, (_, i) => {
      const made = part * 50_000 + i;
      return offTheWire(`${area(made)}.${site(made)}.n${made % patterns}.y${made}`);
    }),
  ) as [string[], string[]];
  routeAll(warmUp, 1, fromExchange);
  const coldNs = nsOf(() => routeAll(fresh, 1, fromExchange)) / fresh.length;
  return { mapNs, cachedNs, cachedBytes, churnNs, coldNs };
}

function measure(patterns: number) {
  const exchange = new TopicExchange<Target>();
  const ours = replaceBindings(exchange, patterns, BATCHES, { steps: () => exchange.stats.trieSteps });
  const map = replaceBindings(new PlainMap(), patterns, BATCHES);
  const oursCold = replaceBindings(new TopicExchange<Target>(), patterns, COLD_BATCHES, {
    before: flushCaches,
  });
  const mapCold = replaceBindings(new PlainMap(), patterns, COLD_BATCHES, { before: flushCaches });
  return {
    ...measureMatches(patterns),
    addNs: ours.addNs,
    removeNs: ours.removeNs,
    addSteps: ours.addSteps,
    removeSteps: ours.removeSteps,
    bytes: ours.bytes,
    mapSetNs: map.addNs,
    mapDeleteNs: map.removeNs,
    mapBytes: map.bytes,
    coldAddNs: oursCold.addNs,
    coldRemoveNs: oursCold.removeNs,
    coldSetNs: mapCold.addNs,
    coldDeleteNs: mapCold.removeNs,
  };
}

type Figures = ReturnType<typeof measure>;

/** What is printed, and by which figure of a plain Map it is divided. */
const ROWS: readonly [field: keyof Figures, name: string, yardstick?: keyof Figures][] = [
  ['mapNs', 'Map lookup'],
  ['cachedNs', 'cached match', 'mapNs'],
  ['churnNs', 'match in churn', 'mapNs'],
  ['coldNs', 'cold match', 'mapNs'],
  ['mapSetNs', 'Map set'],
  ['addNs', 'add', 'mapSetNs'],
  ['addSteps', 'add, steps'],
  ['mapDeleteNs', 'Map delete'],
  ['removeNs', 'remove', 'mapDeleteNs'],
  ['removeSteps', 'remove, steps'],
  ['coldSetNs', 'Map set, cold'],
  ['coldAddNs', 'add, cold', 'coldSetNs'],
  ['coldDeleteNs', 'Map delete, cold'],
  ['coldRemoveNs', 'remove, cold', 'coldDeleteNs'],
  ['mapBytes', 'Map, bytes'],
  ['bytes', 'bytes', 'mapBytes'],
];

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

// Once unreported: the first size measured would otherwise pay for the compiler.
measure(1_000);
const runs = Array.from({ length: REPETITIONS }, () => SIZES.map(measure));
const figureOf = (field: keyof Figures, size: number) => median(runs.map((run) => run[size]![field]));
const last = SIZES.length - 1;

console.log(`node ${process.version}, ${process.arch}; ns each, median of ${REPETITIONS} runs\n`);
console.log(
  '                ',
  ...SIZES.map((n) => `${n.toLocaleString('en')}`.padStart(10)),
  '    growth   × Map at each size',
);
for (const [field, name, yardstick] of ROWS) {
  const figures = SIZES.map((_, size) => figureOf(field, size));
  console.log(
    name.padEnd(16),
    ...figures.map((figure) => figure.toFixed(1).padStart(10)),
    `${(figures[last]! / figures[0]!).toFixed(2)}×`.padStart(10),
    ...(yardstick ? figures.map((f, size) => (f / figureOf(yardstick, size)).toFixed(1).padStart(7)) : []),
  );
}
const allocated = Math.max(...runs.flat().map(({ cachedBytes }) => cachedBytes));
console.log(`\na cached match allocates ${allocated.toFixed(3)} bytes`);
if (sink === 0) throw new Error('nothing was routed');
