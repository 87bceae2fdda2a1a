/**
 * What every engine keeps, as `server/src/ports/engine.ts` says it. Adapters run it with their own way of being made.
 */
import type { LogId } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  Engine,
  LogEntry,
  NewRecord,
  PublishResult,
  StoredRecord,
} from '../../server/src/ports/engine.ts';
import { newRecord } from '../core/stored-record.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

export interface EngineScene {
  readonly engine: Engine;
  /** Lets the engine do what it has to do; resolves when nothing is left. */
  settle(): Promise<void>;
}

/** What an engine under test is made with. */
export interface EngineWishes {
  readonly clock: ManualClock;
  readonly maxMessages: number;
  readonly maxAgeMs: number;
}

export function engineSuite(
  name: string,
  log: LogId,
  make: (wishes: EngineWishes) => Promise<EngineScene>,
): void {
  const record = (over: Partial<NewRecord> = {}): NewRecord => newRecord({ log, ...over });
  const open: Engine[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((engine) => engine.close()));
  });

  const scene = async (wishes: Partial<EngineWishes> = {}) => {
    const clock = new ManualClock();
    const { engine, settle } = await make({ clock, maxMessages: 1_000, maxAgeMs: 3_600_000, ...wishes });
    open.push(engine);
    const fed: StoredRecord[] = [];
    const events: string[] = [];
    engine.onFeed((stored) => {
      fed.push(stored);
      events.push(`fed ${stored.offset}`);
    });
    const results: PublishResult[] = [];
    return {
      engine,
      clock,
      fed,
      events,
      results,
      async publish(...records: Partial<NewRecord>[]): Promise<void> {
        for (const over of records) {
          engine.publish(record(over), (result) => {
            results.push(result);
            if (result.kind === 'taken') events.push(`done ${result.record.offset}`);
          });
        }
        await settle();
      },
      async read(after: number, limit = 1_000): Promise<StoredRecord[]> {
        let records: readonly StoredRecord[] | undefined;
        engine.read(log, after, limit, (found) => {
          expect(records).toBeUndefined();
          records = found.map(messageOf);
        });
        await settle();
        if (!records) throw new Error('the read was never answered');
        return [...records];
      },
      async readBack(before: number, limit = 1_000): Promise<StoredRecord[]> {
        let records: readonly StoredRecord[] | undefined;
        engine.readBack(log, before, limit, (found) => {
          expect(records).toBeUndefined();
          records = found.map(messageOf);
        });
        await settle();
        if (!records) throw new Error('the read was never answered');
        return [...records];
      },
    };
  };

  const keys = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}` }));

  describe(`${name} as an engine`, () => {
    it('begins with an empty log', async () => {
      const { engine, read } = await scene();
      expect(engine.bounds(log)).toMatchObject({ first: 1, last: 0, messages: 0, bytes: 0 });
      expect(engine.logs).toContain(log);
      expect(await read(0)).toEqual([]);
      expect(engine.offsetBefore(log, 0)).toBe(0);
    });

    it('gives offsets that increase', async () => {
      const { publish, fed, engine } = await scene();
      await publish(...keys(50));
      const offsets = fed.map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(new Set(offsets).size).toBe(50);
      expect(offsets[0]).toBeGreaterThan(0);
      expect(engine.bounds(log).last).toBe(offsets.at(-1));
    });

    it('feeds every record taken once, in order, no later than in the call of its done', async () => {
      const { publish, results, fed, events } = await scene();
      await publish(...keys(20));
      expect(results.map(({ kind }) => kind)).toEqual(Array(20).fill('taken'));
      expect(fed.map(({ key }) => key)).toEqual(keys(20).map(({ key }) => key));
      for (const { offset } of fed) {
        expect(events.indexOf(`done ${offset}`)).toBeGreaterThan(events.indexOf(`fed ${offset}`));
      }
    });

    it('has moved its end before the feed says so: a reader in the feed sees the record', async () => {
      const { engine, publish } = await scene();
      const lasts: [number, number][] = [];
      engine.onFeed(({ offset }) => lasts.push([offset, engine.bounds(log).last]));
      await publish(...keys(3));
      for (const [offset, last] of lasts) expect(last).toBeGreaterThanOrEqual(offset);
    });

    it('reads the same records in the same order, from anywhere', async () => {
      const { publish, fed, read } = await scene();
      await publish(...keys(30));
      const plain = (records: readonly StoredRecord[]) => records.map(({ offset, key }) => [offset, key]);
      expect(plain(await read(0))).toEqual(plain(fed));
      for (const [i, { offset }] of fed.entries()) {
        expect(plain(await read(offset, 5))).toEqual(plain(fed.slice(i + 1, i + 6)));
      }
      expect(await read(fed.at(-1)!.offset + 1_000)).toEqual([]);
      expect(await read(0, 0)).toEqual([]);
    });

    it('reads backwards what it reads forwards, from anywhere', async () => {
      const { publish, fed, read, readBack } = await scene({ maxMessages: 20 });
      expect(await readBack(1_000)).toEqual([]);
      await publish(...keys(30));
      const end = fed.at(-1)!.offset + 1;
      const kept = await read(0);
      expect(kept).toHaveLength(20);
      expect(await readBack(end)).toEqual(kept.toReversed());
      expect(await readBack(end + 1_000)).toEqual(kept.toReversed());
      for (const [i, { offset }] of kept.entries()) {
        expect(await readBack(offset, 5)).toEqual(kept.slice(Math.max(0, i - 5), i).toReversed());
      }
      for (const before of [0, 1, kept[0]!.offset]) expect(await readBack(before)).toEqual([]);
      expect(await readBack(end, 0)).toEqual([]);
    });

    it('keeps everything of a record', async () => {
      const { publish, read, clock } = await scene();
      clock.advance(500);
      const full = {
        key: 'a.b',
        payload: new Uint8Array([0, 255]),
        payloadBytes: 2,
        headers: { n: 1, t: 'x', b: true, z: null },
        id: 'id-1',
        ttlMs: 250,
        subject: 'alice',
        reached: [3, 4],
      };
      await publish(full);
      const [stored] = await read(0);
      expect(stored).toMatchObject({ ...full, log, kind: 'message', expiresMs: 750, holders: 0 });
      expect(stored!.timeMs).toBe(clock.wallMs());
      expect(stored!.bytes).toBeGreaterThan(2);
    });

    it('never lets log time go back', async () => {
      const { publish, fed, clock } = await scene();
      const wallMs = clock.wallMs();
      await publish({});
      clock.wallMs = () => wallMs - 60_000;
      await publish({});
      clock.wallMs = () => wallMs + 1;
      await publish({});
      expect(fed.map(({ timeMs }) => timeMs - wallMs)).toEqual([0, 0, 1]);
    });

    it('finds the offset before a time', async () => {
      const { engine, publish, fed, clock } = await scene();
      for (let i = 0; i < 10; i++) {
        await publish({}, {});
        clock.advance(10);
      }
      for (const timeMs of [0, ...fed.flatMap((r) => [r.timeMs - 1, r.timeMs, r.timeMs + 1])]) {
        const before = engine.offsetBefore(log, timeMs);
        expect(fed.filter((r) => r.offset <= before).every((r) => r.timeMs < timeMs)).toBe(true);
        expect(fed.filter((r) => r.offset > before).every((r) => r.timeMs >= timeMs)).toBe(true);
      }
    });

    it('stores a second publish of the same subject, exchange and id once, and names the first', async () => {
      const { publish, results, fed } = await scene();
      await publish({ id: '1' }, { id: '2' }, { id: '1', key: 'other' });
      expect(results[2]).toEqual({ kind: 'duplicate', log, offset: fed[0]!.offset });
      await publish({ id: '1', subject: 't' }, { id: '1', exchange: 'e' }, {}, {});
      expect(results.slice(3).map(({ kind }) => kind)).toEqual(Array(4).fill('taken'));
      expect(fed).toHaveLength(6);
    });

    it('keeps its epoch while it lives, and has another in the next life', async () => {
      const one = await scene();
      const { epoch } = one.engine.bounds(log);
      await one.publish({});
      expect(one.engine.bounds(log).epoch).toBe(epoch);
      expect((await scene()).engine.bounds(log).epoch).not.toBe(epoch);
      expect(epoch).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    });

    it('says what it still has, over its bounds in messages and in age', async () => {
      const { engine, publish, read, fed, clock } = await scene({ maxMessages: 5, maxAgeMs: 10_000 });
      await publish(...keys(8));
      expect(engine.bounds(log)).toMatchObject({ first: fed[3]!.offset, last: fed[7]!.offset, messages: 5 });
      expect((await read(0)).map(({ offset }) => offset)).toEqual(fed.slice(3).map(({ offset }) => offset));
      clock.advance(20_000);
      const { first, last, messages, bytes } = engine.bounds(log);
      expect([first, messages, bytes]).toEqual([last + 1, 0, 0]);
      expect(await read(0)).toEqual([]);
      await publish({});
      expect(fed.at(-1)!.offset).toBeGreaterThan(last);
    });

    it('takes a publish made while the feed is running, after the one being fed', async () => {
      const { engine, publish, read } = await scene();
      const order: string[] = [];
      engine.onFeed(({ key }) => {
        order.push(key);
        if (key === 'first') engine.publish(record({ key: 'second' }), () => order.push('second done'));
      });
      await publish({ key: 'first' });
      expect(order).toEqual(['first', 'second', 'second done']);
      expect((await read(0)).map(({ key }) => key)).toEqual(['first', 'second']);
    });
  });
}

function messageOf(entry: LogEntry): StoredRecord {
  if (entry.kind === 'corrupt') throw new Error(`${entry.offset} is corrupt`);
  return entry;
}
