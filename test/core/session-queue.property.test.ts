/**
 * Random commands to two queues of one session, against the naive model, step by step; and then from the client's
 * side alone: each message arrived, or stands in a gap, or was replaced as asked for, exactly once.
 */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { MAX_RANGES } from '../../server/src/core/gap-entry.ts';
import { MemoryBudget } from '../../server/src/core/memory-budget.ts';
import type { Entry } from '../../server/src/core/ready-ring.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { atMost, same } from '../same.ts';
import { type Loss, QueueModel, type Shown, type Slot } from './queue-model.ts';
import { QueueScene, type SentItem } from './queue-scene.ts';
import { at, storedRecord } from './stored-record.ts';

const POLICIES = ['drop-oldest', 'drop-newest', 'conflate', 'catch-up', 'disconnect'] as const;

type Op =
  | {
      readonly op: 'publish';
      readonly key: string;
      readonly bytes: number;
      readonly ttlMs: number;
      readonly sku: number;
    }
  | { readonly op: 'fill'; readonly items: number }
  | {
      readonly op: 'ack' | 'ack-one' | 'reject' | 'nack' | 'resume';
      readonly at: number;
      readonly more: number;
    }
  | { readonly op: 'credit'; readonly prefetch: number }
  | { readonly op: 'pass'; readonly ms: number }
  | { readonly op: 'trim'; readonly bytes: number }
  | { readonly op: 'expire' };

const share = fc.nat(999).map((n) => n / 1000);

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('publish' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      bytes: fc.constantFrom(10, 20, 50, 90, 300),
      ttlMs: fc.constantFrom(20, 100_000, 100_000),
      sku: fc.nat(3),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant('fill' as const), items: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constantFrom('ack', 'ack', 'ack-one', 'ack-one', 'reject', 'nack', 'nack', 'resume'),
      at: share,
      more: share,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('credit' as const), prefetch: fc.nat(6) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 15 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('trim' as const), bytes: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('expire' as const) }) },
);

const settings = fc.record(
  {
    overflow: fc.constantFrom(...POLICIES),
    ack: fc.constantFrom('auto' as const, 'auto' as const, 'none' as const),
    capacity: fc.integer({ min: 2, max: 8 }),
    capacityBytes: fc.constantFrom(100, 250, 100_000),
    prefetch: fc.integer({ min: 1, max: 6 }),
    ttlMs: fc.constantFrom(30, 1000),
    conflationHeader: fc.constant('sku'),
    start: fc.constantFrom('live' as const, 'live' as const, 'reading' as const),
  },
  { requiredKeys: ['overflow', 'ack', 'capacity', 'capacityBytes', 'prefetch', 'start'] },
);

type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

/** What the client of one queue has heard of, by tag; a tag sent again takes the place of the first. */
class Client {
  readonly seen = new Map<number, SentItem>();
  lastTag = 0;
  /** The highest tag it has settled, nacked or claimed in a resume: that one it had received. */
  touched = 0;

  take(items: readonly SentItem[]): void {
    for (const item of items) {
      this.seen.set(item.tag, item);
      this.lastTag = Math.max(this.lastTag, item.tag);
    }
  }

  /** The connection broke after `lastTag`: what came behind never came. */
  forgetAfter(lastTag: number): void {
    for (const tag of this.seen.keys()) if (tag > lastTag) this.seen.delete(tag);
    this.lastTag = lastTag;
  }
}

class Pair {
  readonly model: QueueModel;
  readonly scene: QueueScene;
  readonly client = new Client();
  readonly isNone: boolean;
  /** Everything routed to this queue. */
  readonly offered = new Set<number>();

  constructor(
    given: Settings,
    bytes: { held: number; max: number },
    modelBytes: { held: number; max: number },
    budget: MemoryBudget,
  ) {
    const prefetch = Math.min(given.prefetch, given.capacity - 1);
    this.isNone = given.ack === 'none';
    this.scene = new QueueScene({ ...given, prefetch, maxRedeliveries: 2, sessionBytes: bytes, budget });
    this.model = new QueueModel({ ...given, maxRedeliveries: 2 }, prefetch, modelBytes);
    this.model.behind = given.start === 'reading';
  }

  publish(record: StoredRecord, nowMs: number): void {
    same(this.scene.queue.offer(record, nowMs), this.model.offer(record, nowMs));
  }

  /** What the replayer does. */
  pull(log: readonly StoredRecord[], nowMs: number): void {
    const { queue } = this.scene;
    const reader = queue.readers.of('v')!;
    while (reader.phase === 'reading') {
      if (reader.after >= log.length) {
        reader.reachHead();
        break;
      }
      const record = log[reader.after]!;
      if (queue.roomToRead === 0 || !queue.takeRead(record, nowMs)) break;
      reader.passed(record.offset);
    }
    this.model.pull(log, nowMs);
  }

  do(command: Op, log: readonly StoredRecord[], nowMs: number): void {
    const { model, client } = this;
    const { queue } = this.scene;
    switch (command.op) {
      case 'fill': {
        this.pull(log, nowMs);
        this.scene.nowMs = nowMs;
        const batch = this.scene.batch;
        queue.fill(batch, command.items, 1e9, nowMs);
        const notes = new Map(batch.notes);
        const items = batch.toArray().map((entry, i) => ({
          tag: batch.firstTag + i,
          entry,
          note: notes.get(i) && { ...notes.get(i) },
        }));
        const expected = model.fill(command.items, nowMs);
        same<unknown>(
          items.map(({ tag, entry, note }) => shownOf(tag, entry, note)),
          expected.map(asShown),
        );
        client.take(items);
        return;
      }
      case 'ack': {
        const upTo = Math.floor(command.at * (client.lastTag + 1));
        const error = queue.ack(upTo, []);
        if (this.isNone) return;
        same(error === undefined, upTo <= model.canAckUpTo);
        if (error !== undefined) return;
        client.touched = Math.max(client.touched, upTo);
        model.close(range(1, upTo), 'acked');
        return;
      }
      case 'ack-one':
      case 'reject':
      case 'nack': {
        const from = Math.floor(command.at * client.lastTag) + 1;
        const to = from + Math.floor(command.more * 2);
        const ranges = [[from, to]] as const;
        const error =
          command.op === 'ack-one'
            ? queue.ack(0, ranges)
            : command.op === 'reject'
              ? queue.reject(ranges)
              : queue.nack(ranges);
        if (this.isNone) return;
        const open = new Set(model.openTags);
        const isFine = range(from, to).every((tag) => open.has(tag) && tag <= model.canAckUpTo);
        same(error === undefined, isFine);
        if (!isFine) return;
        client.touched = Math.max(client.touched, to);
        if (command.op === 'nack') for (const tag of range(from, to)) model.nack(tag);
        else model.close(range(from, to), command.op === 'reject' ? 'rejected' : 'acked');
        return;
      }
      case 'resume': {
        const lastTag = client.touched + Math.floor(command.at * (client.lastTag - client.touched + 1));
        const ackedUpTo = this.isNone ? 0 : Math.floor(command.more * (lastTag + 1));
        client.forgetAfter(lastTag);
        same(queue.mayResume(lastTag, ackedUpTo, []), true);
        client.touched = lastTag;
        queue.resume(lastTag, ackedUpTo, [], [at(0)]);
        model.resume(lastTag, range(1, ackedUpTo));
        return;
      }
      case 'credit':
        queue.prefetch = model.prefetch = Math.min(command.prefetch, queue.settings.capacity - 1);
        return;
      case 'trim':
        queue.trim(command.bytes);
        model.trim(command.bytes);
        return;
      case 'expire':
        queue.expire(nowMs);
        model.expire(nowMs);
        return;
      case 'publish':
      case 'pass':
        return;
      default:
        command satisfies never;
    }
  }

  /** Queue and model say the same, and the promises hold. */
  check(): void {
    const { model, scene } = this;
    const { queue } = scene;
    scene.check();
    const ready = Array.from({ length: queue.ready.length }, (_, i) => queue.ready.peek(i)!);
    same(ready.map(bodyOf), model.waiting.map(modelBodyOf));
    same(
      range(1, queue.window.lastTag).map((tag) => bodyOf(queue.window.get(tag))),
      model.sent.map(({ slot, open }) => (open ? modelBodyOf(slot) : 'settled')),
    );
    same(queue.window.span, model.span);
    same(queue.window.unsettled, model.openTags.length);
    const { ledger } = queue;
    same(ledger.routed, model.routed);
    const outcomes = new Map([
      ...(['acked', 'written', 'rejected', 'expired'] as const).map((name) => [name, ledger[name]] as const),
      ...(ledger.droppedBy ?? []),
    ]);
    for (const [name, n] of outcomes) same(`${name} ${n}`, `${name} ${model.outcomes.get(name) ?? 0}`);
    for (const [name, n] of model.outcomes) same(`${name} ${outcomes.get(name as 'acked')}`, `${name} ${n}`);
    same(queue.readers.of('v')!.phase === 'reading', model.behind);
    same(queue.readers.of('v')!.after, model.after);
    const gaps = [...ready, ...range(1, queue.window.lastTag).map((tag) => queue.window.get(tag))];
    const isDense = queue.settings.overflow !== 'conflate';
    const isHere = (offset: number): boolean => offset <= model.after;
    for (const gap of gaps) if (gap?.kind === 'gap') checkRanges(gap, isDense, isHere);
  }
}

/** Ranges and counts say exactly what was lost: every message of this queue's in a range was lost, and is counted. */
function checkRanges(
  gap: Extract<Entry, { kind: 'gap' }>,
  isDense: boolean,
  isHere: (offset: number) => boolean,
): void {
  const { count, ranges } = gap.toGap();
  atMost(ranges.length, MAX_RANGES);
  same(
    ranges.reduce((all, r) => all + (r.count ?? 0), 0),
    count,
  );
  if (ranges.length === MAX_RANGES) return;
  for (const { from, to, count: n } of ranges) {
    same(isHere(to!), true);
    // Every record goes to both queues, so all offsets in a range are of this queue.
    if (isDense) atMost(n!, to! - from + 1);
    else same(to! - from + 1, n);
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

const lossesOf = (lost: readonly Loss[]) => {
  const byReason = new Map<string, number>();
  for (const { reason } of lost) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  return { count: lost.length, byReason: [...byReason].toSorted() };
};

const modelBodyOf = (slot: Slot) => (slot.kind === 'message' ? slot.record.offset : lossesOf(slot.lost));

function bodyOf(entry: Entry | undefined) {
  if (!entry) return 'settled';
  if (entry.kind === 'message') return entry.offset;
  if (entry.kind === 'snapshot-end') return 'end';
  const byReason = new Map<string, number>();
  for (const { reason, count } of entry.ranges)
    byReason.set(reason, (byReason.get(reason) ?? 0) + (count ?? 0));
  return { count: entry.count, byReason: [...byReason].toSorted() };
}

const asShown = ({ tag, offset, lost, replaced, redelivered }: Shown) => ({
  tag,
  body: lost ? lossesOf(lost) : offset,
  note: { replaced: replaced ?? 0, redelivered: redelivered ?? 0 },
});

const shownOf = (tag: number, entry: Entry, note: SentItem['note']) => ({
  tag,
  body: bodyOf(entry),
  note: { replaced: note?.replaced ?? 0, redelivered: note?.redelivered ?? 0 },
});

function run(
  a: Settings,
  b: Settings,
  sessionMax: number,
  ops: readonly (readonly [queue: number, op: Op])[],
): void {
  const budget = new MemoryBudget(1e9);
  const bytes = { held: 0, max: sessionMax };
  const modelBytes = { held: 0, max: sessionMax };
  const pairs = [a, b].map((given) => new Pair(given, bytes, modelBytes, budget));
  const log: StoredRecord[] = [];
  let nowMs = 0;

  const check = (): void => {
    for (const pair of pairs) pair.check();
    same(bytes.held, modelBytes.held);
    const held = pairs.map(({ model }) => [...model.ready, ...model.inflight]);
    same(
      bytes.held,
      held.flat().reduce((all, r) => all + r.bytes, 0),
    );
    same(
      budget.heldBytes,
      [...new Set(held.flat())].reduce((all, r) => all + r.bytes, 0),
    );
  };

  for (const [index, command] of ops) {
    if (command.op === 'pass') nowMs += command.ms;
    if (command.op === 'publish') {
      const { key, bytes: size, ttlMs, sku } = command;
      const headers = sku === 3 ? undefined : { sku };
      const record = storedRecord(log.length + 1, { key, bytes: size, expiresMs: nowMs + ttlMs, headers });
      log.push(record);
      for (const pair of pairs) pair.publish(record, nowMs);
    } else {
      pairs[index]!.do(command, log, nowMs);
    }
    check();
  }

  // Then everything is read and acknowledged, and each message is somewhere, once.
  for (const pair of pairs) {
    for (const { queue } of [pair.scene]) queue.prefetch = pair.model.prefetch = queue.settings.capacity - 1;
  }
  const isDone = (): boolean =>
    pairs.every(
      ({ model }) => model.after === log.length && model.waiting.length + model.openTags.length === 0,
    );
  for (let round = 0; round < 2 * log.length + 10 && !isDone(); round++) {
    for (const pair of pairs) {
      pair.do({ op: 'fill', items: 5 }, log, nowMs);
      pair.do({ op: 'fill', items: 5 }, log, nowMs);
      pair.do({ op: 'ack', at: 0.999_999, more: 0 }, log, nowMs);
    }
    check();
  }
  for (const pair of pairs) {
    same(pair.model.after, log.length);
    same([pair.scene.queue.ready.length, pair.scene.queue.window.unsettled], [0, 0]);
    account(pair, log.length);
  }
  same([budget.heldBytes, bytes.held], [0, 0]);
}

/** From the client's side: tags contiguous but for what ack none told of, and every offset in one place. */
function account({ client, model, scene }: Pair, published: number): void {
  const arrived: number[] = [];
  let lost = 0;
  let replaced = 0;
  for (const { entry, note } of client.seen.values()) {
    if (entry.kind === 'message') {
      arrived.push(entry.offset);
      replaced += note?.replaced ?? 0;
    }
  }
  for (const [tag, { entry }] of client.seen) {
    if (entry.kind !== 'gap') continue;
    // A gap that took a nacked message's place stands at its tag; others are counted as they came.
    lost += entry.count ?? Number.NaN;
    atMost(tag, scene.queue.window.lastTag);
  }
  same(new Set(arrived).size, arrived.length);
  // Replaced ones whose last successor was lost are told by nobody: the successor stands for its key.
  atMost(replaced, model.conflated.length);
  same(arrived.length + lost + model.conflated.length, published);
}

const runs = (overflow: (typeof POLICIES)[number]) =>
  fc.property(
    settings.map((s) => ({ ...s, overflow })),
    settings,
    fc.constantFrom(200, 100_000),
    fc.array(fc.tuple(fc.constantFrom(0, 0, 1), op), { maxLength: 120, size: 'max' }),
    run,
  );

describe('a queue does as the model does', () => {
  test.each(POLICIES)('with %s', (overflow) => {
    fc.assert(runs(overflow), { numRuns: 100 });
  });
});
