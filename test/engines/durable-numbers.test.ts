/** Numbers of publishes outlive the hub, whatever a crash leaves, within their hour; groups give way to records. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DurableNumbers, type NumberBounds } from '../../server/src/engines/durable-numbers.ts';
import { metaKey, tableOf, tableRange } from '../../server/src/engines/store-keys.ts';
import { WriteGroup } from '../../server/src/engines/write-group.ts';
import type { Fate } from '../../server/src/ports/engine.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

const SMALL: NumberBounds = { groups: 3, sessions: 4 };
const HOUR_MS = 60 * 60 * 1000;

function scene(bounds?: NumberBounds) {
  const clock = new ManualClock();
  const disk = new MemoryDisk({ clock });
  let numbers!: DurableNumbers;
  let group!: WriteGroup;
  const open = (): void => {
    group = new WriteGroup(new MemoryStore(disk), clock);
    numbers = new DurableNumbers(new MemoryStore(disk), group, () => clock.wallMs(), bounds);
  };
  open();
  const keysOf = (table: 'numbers' | 'numberGroups') => {
    const { from, to } = tableRange(table);
    return disk.entries.range(from, to, { limit: 1e6 }).map(({ key }) => key);
  };
  return {
    clock,
    disk,
    get numbers() {
      return numbers;
    },
    add: (session: string, ...seqs: number[]) => {
      for (const seq of seqs) numbers.add('s', { session, seq });
      // Its message.
      group.put(metaKey('message'), Uint8Array.of(1));
    },
    /** Whatever was asked for is on disk. */
    flush(): void {
      clock.settle();
      clock.advance(5);
    },
    whenStored: (done: (failed: boolean) => void) => group.whenStored(done),
    fate(session: string, seq: number): Fate | undefined {
      let told: Fate | undefined;
      numbers.find('s', { session, seq }, (fate) => {
        told = fate;
      });
      return told;
    },
    crash(survives?: () => boolean): void {
      clock.forget();
      disk.crash(survives);
      open();
    },
    groups: () => keysOf('numberGroups').length,
    records: () => keysOf('numbers').length,
    damageGroups: () => {
      for (const key of keysOf('numberGroups'))
        disk.damage(key, (value) => value.map((byte, i) => (i === value.length - 1 ? byte ^ 1 : byte)));
    },
  };
}

describe('numbers on disk', () => {
  it('are one value for each group, whoever published', () => {
    const made = scene();
    for (let session = 0; session < 50; session++) made.add(`${session}`, 1, 2, 3);
    made.flush();
    expect([made.groups(), made.records()]).toEqual([1, 0]);
    made.crash();
    for (let session = 0; session < 50; session++) {
      expect([1, 3, 4].map((seq) => made.fate(`${session}`, seq))).toEqual([
        'stored',
        'stored',
        'not-stored',
      ]);
    }
  });

  it('on their way are told when they are there, or never will be', () => {
    const made = scene();
    made.add('a', 1);
    const told: Fate[] = [];
    made.numbers.find('s', { session: 'a', seq: 1 }, (fate) => told.push(fate));
    made.clock.settle();
    expect(told).toEqual([]);
    made.flush();
    expect(told).toEqual(['stored']);
    made.disk.refuse({ reason: 'io', text: 'no' });
    made.add('a', 2);
    made.numbers.find('s', { session: 'a', seq: 2 }, (fate) => told.push(fate));
    made.flush();
    expect(told).toEqual(['stored', 'store-failed']);
  });

  it('become records before their group is overwritten', () => {
    const made = scene(SMALL);
    for (let seq = 1; seq <= 100; seq++) {
      for (const session of 'abcdef') made.add(session, seq);
      made.flush();
      expect(made.groups()).toBeLessThanOrEqual(SMALL.groups);
    }
    expect(made.records()).toBe(6);
    made.crash();
    for (const session of 'abcdef')
      for (const seq of [1, 50, 100]) expect(made.fate(session, seq)).toBe('stored');
  });

  it('of a quiet hub have become records after a while, and are gone after an hour', () => {
    const made = scene();
    made.add('a', 1);
    made.flush();
    const passes = (ms: number): void => {
      made.clock.advance(ms);
      // One turn writes, the next takes away.
      for (let i = 0; i < 3; i++) {
        made.numbers.forget();
        made.flush();
      }
    };
    passes(61_000);
    expect([made.groups(), made.records()]).toEqual([0, 1]);
    made.crash();
    expect(made.fate('a', 1)).toBe('stored');
    passes(HOUR_MS);
    expect([made.groups(), made.records()]).toEqual([0, 0]);
    made.crash();
    expect(made.fate('a', 1)).toBe('not-stored');
  });

  it('of a session that comes back after an hour are not forgotten with what it had', () => {
    for (const inTheSameTurn of [true, false]) {
      const made = scene({ ...SMALL, groups: 1 });
      for (let seq = 1; seq <= 4; seq++) {
        made.add('a', seq);
        made.flush();
      }
      expect(made.records()).toBe(1);
      made.clock.advance(HOUR_MS + 1);
      made.add('a', 5);
      if (!inTheSameTurn) made.clock.settle();
      made.numbers.forget();
      made.flush();
      // Its record is written, and the group goes with it.
      made.add('a', 6);
      made.flush();
      made.numbers.forget();
      made.flush();
      made.crash();
      expect([5, 6].map((seq) => made.fate('a', seq))).toEqual(['stored', 'stored']);
    }
  });

  it('that cannot be read are nobody’s knowledge for an hour, and are taken away then', () => {
    const made = scene();
    made.add('a', 1);
    made.flush();
    made.damageGroups();
    for (let life = 0; life < 2; life++) {
      made.crash();
      expect([made.fate('a', 1), made.fate('b', 99)]).toEqual(['unknown', 'unknown']);
      made.add('b', 7 + life);
      made.flush();
      expect(made.fate('b', 7 + life)).toBe('stored');
    }
    made.clock.advance(HOUR_MS + 1);
    for (let i = 0; i < 3; i++) {
      made.numbers.forget();
      made.flush();
    }
    expect(made.fate('a', 1)).toBe('not-stored');
    expect(made.groups()).toBe(0);
  });

  it('stay known whatever crashes leave, with each that was told as stored', () => {
    const command = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          op: fc.constant('add' as const),
          session: fc.constantFrom(...'abcdefgh'),
          count: fc.integer({ min: 1, max: 5 }),
          // Numbers in between went to a log in memory.
          skips: fc.nat(2),
        }),
      },
      { weight: 3, arbitrary: fc.constant({ op: 'turn' as const }) },
      { weight: 2, arbitrary: fc.constant({ op: 'flush' as const }) },
      { weight: 1, arbitrary: fc.constant({ op: 'forget' as const }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.nat(70_000) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('crash' as const), survives: fc.boolean() }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const made = scene(SMALL);
        const next = new Map<string, number>();
        const stored = new Set<string>();
        const skipped: [session: string, seq: number][] = [];
        for (const one of commands) {
          if (one.op === 'add') {
            for (let i = 0; i < one.count; i++) {
              let seq = (next.get(one.session) ?? 0) + 1;
              for (let skips = one.skips; skips > 0; skips--) skipped.push([one.session, seq++]);
              next.set(one.session, seq);
              made.add(one.session, seq);
              made.whenStored((failed) => {
                if (!failed) stored.add(`${one.session} ${seq}`);
              });
            }
          } else if (one.op === 'turn') made.clock.settle();
          else if (one.op === 'flush') made.flush();
          else if (one.op === 'forget') made.numbers.forget();
          else if (one.op === 'pass') made.clock.advance(one.ms);
          else made.crash(() => one.survives);
        }
        made.crash();
        for (const known of stored) {
          const [session, seq] = known.split(' ');
          expect(made.fate(session!, Number(seq)), known).toBe('stored');
        }
        // What was never published is not taken for stored.
        for (const [session, seq] of next) expect(made.fate(session, seq + 1)).toBe('not-stored');
        for (const [session, seq] of skipped) expect(made.fate(session, seq)).toBe('not-stored');
        for (const { key } of made.disk.all()) expect(tableOf(key)).toMatch(/^number|meta/);
      }),
    );
  });
});
