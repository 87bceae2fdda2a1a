/** What ends in bulk goes from the disk by and by: soon, in small batches, whatever happens in between. */
import { describe, expect, it } from 'vitest';
import { EmbeddedEngine } from '../../server/src/engines/embedded.ts';
import { REMOVED_AT_ONCE } from '../../server/src/engines/gradual-removal.ts';
import { tableOf } from '../../server/src/engines/store-keys.ts';
import type { NewRecord } from '../../server/src/ports/engine.ts';
import { MemoryDisk } from '../../server/src/stores/memory-disk.ts';
import { MemoryStore } from '../../server/src/stores/memory-store.ts';
import { newRecord, storedRecord } from '../core/stored-record.ts';
import { ManualClock } from '../server/support/manual-clock.ts';

const COUNT = 12_000;

class Scene {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk({ clock: this.clock });
  engine = this.open();
  /** The most entries that one transaction has taken away. */
  mostRemoved = 0;

  constructor() {
    const write = this.disk.write.bind(this.disk);
    this.disk.write = (writes, settled) => {
      const removed = writes.filter(({ value }) => value === undefined).length;
      this.mostRemoved = Math.max(this.mostRemoved, removed);
      write(writes, settled);
    };
  }

  crash(): void {
    this.clock.forget();
    this.disk.crash();
    this.engine = this.open();
  }

  publish(over: Partial<NewRecord>, queues: readonly number[]): { readonly kind: string | undefined } {
    const result: { kind: string | undefined } = { kind: undefined };
    const told = ({ kind }: { readonly kind: string }): void => {
      result.kind = kind;
    };
    this.engine.publish(newRecord({ log: 'v', ...over }), told, { queues });
    return result;
  }

  flush(): void {
    this.clock.settle();
    this.clock.advance(2);
  }

  /** Entries on disk of one table. */
  left(table: string): number {
    return this.disk.all().filter(({ key }) => tableOf(key) === table).length;
  }

  private open(): EmbeddedEngine {
    const durable = { store: new MemoryStore(this.disk), epoch: 'store' };
    return new EmbeddedEngine({ clock: this.clock, epoch: 'life', durable });
  }
}

describe('a queue of many messages', () => {
  const filled = (): Scene => {
    const scene = new Scene();
    for (let i = 0; i < COUNT; i++) scene.publish({}, [1]);
    scene.publish({ payload: 'kept' }, [2]);
    scene.flush();
    expect(scene.left('queue')).toBe(COUNT + 1);
    return scene;
  };

  it('that is purged is off the disk soon, in batches, and nobody waits longer for it', () => {
    const scene = filled();
    scene.engine.queues!.drop(1, 0, COUNT);
    scene.flush();
    scene.clock.advance(1_000);
    expect(scene.left('queue')).toBeGreaterThan(1);
    const published = scene.publish({}, [2]);
    scene.flush();
    expect(published.kind).toBe('taken');
    scene.clock.advance(1_000);
    expect(scene.left('queue')).toBe(2);
    expect(scene.mostRemoved).toBeGreaterThan(0);
    expect(scene.mostRemoved).toBeLessThanOrEqual(REMOVED_AT_ONCE);
  });

  it('that is removed leaves nothing, though the hub is killed in the middle', () => {
    const scene = filled();
    scene.engine.queues!.remove(1);
    scene.flush();
    scene.clock.advance(1_000);
    scene.crash();
    expect(scene.left('queue')).toBeGreaterThan(1);
    scene.clock.advance(2_000);
    expect([scene.left('queue'), scene.left('sums')]).toEqual([1, 1]);
  });

  it('on a disk that stands still is taken away no faster than that', () => {
    const scene = filled();
    scene.engine.queues!.drop(1, 0, COUNT);
    scene.flush();
    scene.disk.stall();
    scene.clock.advance(3_000);
    expect(scene.left('queue')).toBe(COUNT + 1);
    scene.disk.resume();
    scene.clock.advance(1_000);
    expect(scene.left('queue')).toBe(1);
  });
});

describe('the last values of an exchange that is gone', () => {
  it.each([
    ['at once', 0],
    ['in the middle', 1_001],
  ])('are taken away, though the hub is killed %s', (_, afterMs) => {
    const scene = new Scene();
    const { values, meta } = scene.engine;
    for (let i = 0; i < COUNT; i++) values!.put(7, storedRecord(i + 1, { key: `k${i}` }));
    values!.put(8, storedRecord(1));
    values!.checkpoint(COUNT, 'state');
    meta!.put('exchange', 'declared');
    scene.flush();
    // One that is on its way when its exchange goes.
    values!.put(7, storedRecord(1, { key: 'late' }));
    values!.clear(7);
    meta!.put('exchange', undefined);
    scene.flush();
    scene.clock.advance(afterMs);
    scene.crash();
    expect(scene.engine.meta!.list('exchange')).toEqual([]);
    expect(scene.left('values')).toBeGreaterThan(REMOVED_AT_ONCE);
    scene.engine.values!.load(7, () => expect.unreachable());
    const meta0 = scene.left('meta');
    scene.clock.advance(2_000);
    expect(scene.left('values')).toBe(1);
    // Nothing is noted any more.
    expect(scene.left('meta')).toBe(meta0 - 1);
    expect(scene.mostRemoved).toBeLessThanOrEqual(REMOVED_AT_ONCE + 1);
  });

  it('stay with the exchange where its deletion is lost', () => {
    const scene = new Scene();
    const { values, meta } = scene.engine;
    values!.put(7, storedRecord(1));
    meta!.put('exchange', 'declared');
    scene.flush();
    values!.clear(7);
    meta!.put('exchange', undefined);
    scene.clock.settle();
    scene.crash();
    scene.clock.advance(2_000);
    expect([scene.engine.meta!.list('exchange').length, scene.left('values')]).toEqual([1, 1]);
  });
});
