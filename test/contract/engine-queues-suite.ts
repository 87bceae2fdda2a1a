/**
 * What every engine that stores keeps, as `server/src/ports/engine.ts` says it: durable queues, definitions, last values,
 * ids and numbers, in one life and over the next. Adapters run it with their own way of being made.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type {
  Engine,
  Fate,
  NewRecord,
  PublishExtras,
  PublishResult,
  StoredEntry,
  StoredRecord,
} from '../../server/src/ports/engine.ts';
import { newRecord } from '../core/stored-record.ts';

/** What outlives the engines that are opened on it. */
export interface StoredEngineHome {
  /** An engine on what is stored; the one before is closed. */
  open(): Promise<Engine>;
  remove(): Promise<void>;
}

export function engineQueuesSuite(name: string, make: () => Promise<StoredEngineHome>): void {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const scene = async () => {
    const home = await make();
    ends.push(() => home.remove());
    let engine = await home.open();
    ends.push(() => engine.close());
    const fed: StoredRecord[] = [];
    const listen = (): void => engine.onFeed((record) => fed.push(record));
    listen();
    return {
      fed,
      get engine() {
        return engine;
      },
      get queues() {
        return engine.queues!;
      },
      async reopen(): Promise<void> {
        await engine.close();
        engine = await home.open();
        listen();
      },
      publish: (over: Partial<NewRecord> = {}, extras?: PublishExtras): Promise<PublishResult> =>
        new Promise((done) => engine.publish(newRecord({ log: 'd', ...over }), done, extras)),
      /** Everything asked for so far is on disk. */
      stored: (): Promise<unknown> => new Promise((done) => engine.meta!.put('probe', 'x', done)),
      read: (queue: number, after = 0, upTo = 1_000_000, limit = 1_000): Promise<readonly StoredEntry[]> =>
        new Promise((done) => {
          const atMost = { messages: limit, bytes: Number.POSITIVE_INFINITY };
          engine.queues!.read(queue, after, upTo, atMost, done);
        }),
      fate: (subject: string, session: string, seq: number): Promise<Fate> =>
        new Promise((tell) => engine.fateOf(subject, { session, seq }, tell)),
    };
  };

  const seqsOf = (result: PublishResult): readonly number[] => (result.kind === 'taken' ? result.seqs : []);
  const textOf = ({ seq, record, attempts, dueMs, delayMs }: StoredEntry): string =>
    `${seq}:${record?.payload}${attempts > 0 ? ` x${attempts}` : ''}${dueMs > 0 ? ` due ${dueMs}, by ${delayMs}` : ''}`;

  describe(`${name}: queues`, () => {
    it('are read a page at a time, bounded by messages and by bytes, and say where they end', async () => {
      const made = await scene();
      for (let i = 0; i < 6; i++) await made.publish({ payload: 'x'.repeat(1_000) }, { queues: [1] });
      await made.stored();
      made.queues.drop(1, 2, 3);
      const page = (messages: number, bytes: number) =>
        new Promise((told) => {
          made.queues.read(1, 0, 6, { messages, bytes }, (entries, isEnd) =>
            told([entries.map(({ seq }) => seq), isEnd]),
          );
        });
      expect(await page(10, 1e9)).toEqual([[1, 2, 4, 5, 6], true]);
      expect(await page(5, 1e9)).toEqual([[1, 2, 4, 5, 6], false]);
      expect(await page(10, 1)).toEqual([[1], false]);
      expect(await page(10, 2_500)).toEqual([[1, 2, 4], false]);
      expect(await page(2, 2_500)).toEqual([[1, 2], false]);
    });

    it('number what they are given, each for itself, and give it back in order', async () => {
      const made = await scene();
      expect(seqsOf(await made.publish({ payload: 'a' }, { queues: [1, 2] }))).toEqual([1, 1]);
      expect(seqsOf(await made.publish({ payload: 'b' }, { queues: [2] }))).toEqual([2]);
      expect(seqsOf(await made.publish({ payload: 'c' }, { queues: [2, 1] }))).toEqual([3, 2]);
      for (let life = 0; life < 2; life++) {
        expect((await made.read(1)).map(textOf)).toEqual(['1:a', '2:c']);
        expect((await made.read(2)).map(textOf)).toEqual(['1:a', '2:b', '3:c']);
        expect((await made.read(2, 1, 2)).map(textOf)).toEqual(['2:b']);
        expect((await made.read(2, 0, 9, 2)).map(textOf)).toEqual(['1:a', '2:b']);
        expect(await made.read(3)).toEqual([]);
        expect([made.queues.bounds(1), made.queues.bounds(3)]).toEqual([
          { first: 1, last: 2 },
          { first: 1, last: 0 },
        ]);
        await made.reopen();
      }
    });

    it('have copies that are whole, also of what came through the volatile log', async () => {
      const made = await scene();
      const over: Partial<NewRecord> = {
        log: 'v',
        exchange: 'amq.headers',
        key: 'ключ',
        payload: new Uint8Array([0, 255, 7]),
        payloadBytes: 3,
        contentType: 'application/x',
        headers: { a: 1, b: true, c: 'ü', d: null },
        id: 'an id',
        ttlMs: 5_000,
        subject: 'somebody',
        xDeath: [{ queue: 'q', reason: 'expired', count: 2, timeMs: 7, exchange: 'x', keys: ['k'] }],
      };
      const result = await made.publish(over, { queues: [1] });
      expect(made.fed).toHaveLength(1);
      const { offset } = (result as Extract<PublishResult, { kind: 'taken' }>).record;
      const [there] = await made.read(1);
      expect(there!.record).toMatchObject({ ...over, reached: [], offset });
      await made.reopen();
      const [entry] = await made.read(1);
      // The log it was in is gone, and its place with it.
      expect(entry!.record).toMatchObject({ ...over, reached: [], offset: 0 });
      expect(entry!.record!.bytes).toBe(there!.record!.bytes);
      expect(entry!.record!.timeMs).toBe(there!.record!.timeMs);
    });

    it('feed and place a message of the volatile log before it is on disk, one of the durable log after', async () => {
      const made = await scene();
      const events: string[] = [];
      const end = (log: 'v' | 'd') =>
        new Promise<void>((done) => {
          made.engine.publish(
            newRecord({ log, payload: log }),
            () => {
              events.push(`done ${log}, fed ${made.fed.length}`);
              done();
            },
            { queues: [1], placed: () => events.push(`placed ${log}, fed ${made.fed.length}`) },
          );
          events.push(`returned ${log}`);
        });
      await end('v');
      await end('d');
      expect(events).toEqual([
        'placed v, fed 1',
        'returned v',
        'done v, fed 1',
        'returned d',
        'placed d, fed 2',
        'done d, fed 2',
      ]);
    });

    it('let go of what ended, never use a number again, and keep attempts', async () => {
      const made = await scene();
      for (const payload of ['a', 'b', 'c']) await made.publish({ payload }, { queues: [1] });
      made.queues.postpone(1, 2, 3, 77_000, 7_000);
      made.queues.settle(1, 1);
      await made.reopen();
      expect((await made.read(1)).map(textOf)).toEqual(['2:b x3 due 77000, by 7000', '3:c']);
      expect(made.queues.count(1).messages).toBe(2);
      for (const seq of [2, 3]) made.queues.settle(1, seq);
      await made.reopen();
      expect(await made.read(1)).toEqual([]);
      expect(made.queues.bounds(1)).toEqual({ first: 4, last: 3 });
      expect(seqsOf(await made.publish({ payload: 'd' }, { queues: [1] }))).toEqual([4]);
      expect((await made.read(1)).map(textOf)).toEqual(['4:d']);
    });

    it('drop many at once, wherever the others are, now and after a restart', async () => {
      const made = await scene();
      for (let i = 1; i <= 12; i++) await made.publish({ payload: `${i}` }, { queues: [1] });
      made.queues.settle(1, 1);
      made.queues.drop(1, 8, 10);
      made.queues.drop(1, 2, 5);
      for (let life = 0; life < 2; life++) {
        await made.stored();
        expect((await made.read(1)).map(({ seq }) => seq)).toEqual([2, 6, 7, 8, 11, 12]);
        expect((await made.read(1, 2, 20, 3)).map(({ seq }) => seq)).toEqual([6, 7, 8]);
        expect((await made.read(1, 3, 9, 9)).map(({ seq }) => seq)).toEqual([6, 7, 8]);
        expect(made.queues.bounds(1)).toEqual({ first: 2, last: 12 });
        expect(made.queues.count(1).messages).toBe(6);
        await made.reopen();
      }
    });

    it('have a dead letter leave one and enter another in one step', async () => {
      const made = await scene();
      await made.publish({ payload: 'a' }, { queues: [1] });
      await made.publish({ payload: 'a' }, { queues: [2], settles: [[1, 1]], isOwn: true });
      await made.reopen();
      expect([await made.read(1), (await made.read(2)).map(textOf)]).toEqual([[], ['1:a']]);
    });

    it('store their sums in the same step, with what is on its way counted', async () => {
      const made = await scene();
      const asked: [number, number, number][] = [];
      made.queues.onSums((queue, storing) => {
        asked.push([queue, storing.messages, storing.bytes]);
        return queue === 9 ? undefined : JSON.stringify({ n: asked.length });
      });
      expect(made.queues.sums(1)).toBeUndefined();
      const both = [made.publish({}, { queues: [1] }), made.publish({}, { queues: [1, 9] })];
      const [first] = await Promise.all(both);
      const { bytes } = (first as Extract<PublishResult, { kind: 'taken' }>).record;
      expect(asked.toSorted(([a], [b]) => a - b)).toEqual([
        [1, 2, 2 * bytes],
        [9, 1, bytes],
      ]);
      await new Promise((done) => made.queues.saveSums(1, done));
      expect(asked.at(-1)).toEqual([1, 0, 0]);
      await made.reopen();
      expect([made.queues.sums(1), made.queues.sums(9)]).toEqual(['{"n":3}', undefined]);
    });

    it('that are removed leave nothing', async () => {
      const made = await scene();
      made.queues.onSums(() => '{}');
      for (const queue of [1, 2]) await made.publish({}, { queues: [queue] });
      made.queues.remove(1);
      // Told too late.
      made.queues.settle(1, 1);
      made.queues.postpone(1, 1, 1, 0, 0);
      await made.reopen();
      expect([await made.read(1), made.queues.sums(1)]).toEqual([[], undefined]);
      expect(await made.read(2)).toHaveLength(1);
    });

    it('are counted as they were when the count began, whatever ends meanwhile', async () => {
      const made = await scene();
      let bytes = 0;
      for (let i = 1; i <= 40; i++) {
        const result = await made.publish({ payload: 'x'.repeat(i), payloadBytes: i }, { queues: [1] });
        if (result.kind === 'taken' && i !== 3 && (i <= 4 || i > 6)) bytes += result.record.bytes;
      }
      made.queues.settle(1, 3);
      made.queues.drop(1, 4, 6);
      await made.stored();
      const recount = made.queues.recount(1)!;
      for (let seq = 1; !recount.step(5); seq += 7) {
        for (const ended of [seq, 41 - seq]) {
          const isThere = ended >= 1 && ended <= 40 && ended !== 3 && (ended <= 4 || ended > 6);
          if (isThere) made.queues.settle(1, ended);
        }
        await made.publish({}, { queues: [1] });
      }
      expect([recount.messages, recount.bytes, recount.damaged]).toEqual([37, bytes, 0]);
      expect(made.queues.recount(5)).toBeUndefined();
    });
  });

  describe(`${name}: definitions`, () => {
    it('are there by prefix, in order, until they are taken away', async () => {
      const made = await scene();
      const { meta } = made.engine;
      for (const key of ['q/b', 'x/1', 'q/a', 'q/ä', 'q']) meta!.put(key, `of ${key}`);
      meta!.put('q/gone', 'soon');
      meta!.put('q/gone', undefined);
      await made.stored();
      for (let life = 0; life < 2; life++) {
        expect(made.engine.meta!.list('q/')).toEqual([
          ['q/a', 'of q/a'],
          ['q/b', 'of q/b'],
          ['q/ä', 'of q/ä'],
        ]);
        expect(made.engine.meta!.list('y')).toEqual([]);
        await made.reopen();
      }
      const error = await new Promise((done) => made.engine.meta!.put('q/a', undefined, done));
      expect([error, made.engine.meta!.list('q/a')]).toEqual([undefined, []]);
    });

    it('may have keys of any length, which differ anywhere', async () => {
      const made = await scene();
      const keys = ['a', 'b'].map((end) => `b/${'ü'.repeat(2_000)}${end}`);
      for (const key of keys) made.engine.meta!.put(key, key);
      await made.reopen();
      expect(
        made.engine
          .meta!.list('b/')
          .map(([, value]) => value)
          .toSorted(),
      ).toEqual(keys);
      made.engine.meta!.put(keys[0]!, undefined);
      await made.stored();
      expect(made.engine.meta!.list('b/').map(([, value]) => value)).toEqual([keys[1]]);
    });
  });

  describe(`${name}: last values`, () => {
    it('are those of the checkpoint, by exchange', async () => {
      const made = await scene();
      const taken: StoredRecord[] = [];
      for (const key of ['a', 'b', 'c']) {
        const result = await made.publish({ key });
        if (result.kind === 'taken') taken.push(result.record);
      }
      const { values } = made.engine;
      expect(values!.lastCheckpoint).toBeUndefined();
      for (const record of taken) values!.put(7, record);
      values!.put(8, taken[0]!);
      values!.remove(7, 'b');
      values!.checkpoint(3, 'state');
      await made.reopen();
      const loaded = (incarnation: number): string[] => {
        const found: string[] = [];
        made.engine.values!.load(incarnation, (record) => found.push(`${record?.key}@${record?.offset}`));
        return found.toSorted();
      };
      expect([loaded(7), loaded(8), loaded(9)]).toEqual([['a@1', 'c@3'], ['a@1'], []]);
      expect(made.engine.values!.lastCheckpoint).toEqual({ offset: 3, state: 'state' });
      made.engine.values!.clear(7);
      await made.reopen();
      expect([loaded(7), loaded(8)]).toEqual([[], ['a@1']]);
    });
  });

  describe(`${name}: ids and numbers`, () => {
    it('of what was published are known in the next life, by subject and exchange', async () => {
      const made = await scene();
      const first = await made.publish({ id: 'one', subject: 'a' });
      const again = made.publish({ id: 'two', subject: 'a' });
      // While the first is on its way.
      expect(await made.publish({ id: 'two', subject: 'a' })).toEqual({
        kind: 'duplicate',
        log: 'd',
        offset: 2,
      });
      await again;
      await made.reopen();
      const { offset } = (first as Extract<PublishResult, { kind: 'taken' }>).record;
      expect(await made.publish({ id: 'one', subject: 'a' })).toEqual({
        kind: 'duplicate',
        log: 'd',
        offset,
      });
      expect((await made.publish({ id: 'one', subject: 'b' })).kind).toBe('taken');
      expect((await made.publish({ id: 'one', subject: 'a', exchange: 'other' })).kind).toBe('taken');
      expect((await made.publish({ id: 'one', subject: 'a' }, { isOwn: true })).kind).toBe('taken');
      expect(await made.publish({ id: 'new', refuseNew: 'unroutable' })).toEqual({
        kind: 'refused',
        error: 'unroutable',
      });
    });

    it('are the same whether a message led to a durable queue or not', async () => {
      const made = await scene();
      await made.publish({ log: 'v', id: 'memory' });
      await made.publish({ log: 'v', id: 'disk' }, { queues: [1] });
      expect((await made.publish({ log: 'v', id: 'memory' }, { queues: [1] })).kind).toBe('duplicate');
      expect((await made.publish({ log: 'v', id: 'disk' })).kind).toBe('duplicate');
      expect(made.fed).toHaveLength(2);
      await made.reopen();
      expect(await made.publish({ log: 'v', id: 'disk' }, { queues: [1] })).toEqual({
        kind: 'duplicate',
        log: 'v',
        offset: 0,
      });
    });

    it('say what became of a publish', async () => {
      const made = await scene();
      for (const seq of [1, 2, 5]) await made.publish({}, { numbers: [{ session: 's', seq }] });
      const fates = (subject: string) =>
        Promise.all([1, 2, 3, 5, 6].map((seq) => made.fate(subject, 's', seq)));
      for (let life = 0; life < 2; life++) {
        expect(await fates('s')).toEqual(['stored', 'stored', 'not-stored', 'stored', 'not-stored']);
        expect(await fates('t')).toEqual(Array(5).fill('not-stored'));
        await made.reopen();
      }
      const order: string[] = [];
      const done = made.publish({}, { numbers: [{ session: 's', seq: 6 }] }).then(() => order.push('done'));
      await Promise.all([done, made.fate('s', 's', 6).then((fate) => order.push(fate))]);
      expect(order).toEqual(['done', 'stored']);
    });
  });

  describe(`${name}: the durable log`, () => {
    it('goes on in the next life', async () => {
      const made = await scene();
      for (const payload of ['a', 'b']) await made.publish({ payload, headers: { n: 1 } });
      const before = made.engine.bounds('d');
      await made.reopen();
      expect(made.engine.bounds('d')).toEqual(before);
      const result = await made.publish({ payload: 'c' });
      expect(result).toMatchObject({ record: { offset: 3 } });
      const texts: string[] = [];
      made.engine.read('d', 0, 10, (entries) => {
        for (const entry of entries)
          if (entry.kind === 'message') texts.push(`${entry.offset}:${entry.payload}`);
      });
      made.engine.readBack('d', 3, 10, (entries) => {
        for (const entry of entries)
          if (entry.kind === 'message') texts.push(`${entry.offset}:${entry.payload}`);
      });
      expect(texts).toEqual(['1:a', '2:b', '3:c', '2:b', '1:a']);
    });
  });
}
