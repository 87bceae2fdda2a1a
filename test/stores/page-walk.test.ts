/** Files that LMDB writes are sound, whatever was done to them; hand-made damage has its name. */
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeClock } from '../../server/src/node-clock.ts';
import type { StoreWrite } from '../../server/src/ports/store.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { type PageReport, walkPages } from '../../server/src/stores/page-walk.ts';
import { seededRandom } from '../server/support/seeded-random.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringhub-pages-'));
const path = join(folder, 'store.mdb');
const seed = Math.floor(Math.random() * 1e6);

function walkFile(): PageReport {
  const file = openSync(path, 'r');
  try {
    return walkPages((into, offset) => readSync(file, into, 0, into.length, offset), fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}
const walkBytes = (bytes: Uint8Array): PageReport =>
  walkPages((into, offset) => {
    const found = bytes.subarray(offset, offset + into.length);
    into.set(found);
    return found.length;
  }, bytes.length);

/** Batches of puts and deletes over a few keys, each of which may come twice in a batch, large ones among them. */
async function churn(rounds: number, check: (report: PageReport, round: number) => void): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const store = LmdbStore.open(path, { clock: nodeClock });
  for (let round = 0; round < rounds; round++) {
    const writes: StoreWrite[] = Array.from({ length: 1 + below(60) }, () => ({
      key: Uint8Array.of(1 + below(3), below(round < rounds / 2 ? 256 : 20), below(3)),
      // A file to which nothing was written yet has no transaction.
      value:
        round > 0 && random() < 0.3 ? undefined : new Uint8Array(random() < 0.1 ? below(60_000) : below(700)),
    }));
    await new Promise<void>((resolve, reject) =>
      store.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve())),
    );
    check(walkFile(), round);
  }
  await store.close();
}

describe('a walk over the pages of a store', () => {
  let whole: Buffer;
  beforeAll(async () => {
    await churn(40, (report, round) => {
      expect(report, `seed ${seed}, round ${round}`).toMatchObject({ kind: 'sound' });
    });
    whole = readFileSync(path);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('finds a store sound where a large value was made smaller in the batch that put it', async () => {
    const store = LmdbStore.open(path, { clock: nodeClock });
    const key = Uint8Array.of(9);
    const value = (size: number) => ({ key, value: new Uint8Array(size) });
    await new Promise<void>((resolve) =>
      store.commit([value(50_000), value(5_000)], (error) => resolve(expect(error).toBeUndefined())),
    );
    await store.close();
    expect(walkFile()).toMatchObject({ kind: 'sound' });
  });

  it('counts what LMDB counts', () => {
    const report = walkBytes(whole);
    expect(report).toMatchObject({ kind: 'sound', pageSize: 4_096 });
    if (report.kind !== 'sound') return;
    expect(report.entries).toBeGreaterThan(10);
    expect((report.pages + report.freePages) * report.pageSize).toBeGreaterThan(whole.length / 2);
  });

  it.each([
    ['an empty file', (_: Buffer) => Buffer.alloc(0), 'ends before its second meta page'],
    ['a file of zeros', (_: Buffer) => Buffer.alloc(40_960), 'no meta page'],
    ['half a file', (bytes: Buffer) => bytes.subarray(0, 8_192), 'the file ends before page'],
    ['another data version', (bytes: Buffer) => patched(bytes, 28, 3), 'data version 3'],
    [
      'a transaction that went back',
      (bytes: Buffer) => newer(bytes, 152 + 1, 77),
      'meta pages of the transactions',
    ],
    ['a root that is no page', (bytes: Buffer) => newer(bytes, 136 + 4, 1), 'is not one of the'],
    ['another number of entries', (bytes: Buffer) => newer(bytes, 128 + 2, 1), 'pages and entries, not'],
    ['a last page that is far off', (bytes: Buffer) => newer(bytes, 144 + 4, 4), 'more than the map holds'],
    ['another depth', (bytes: Buffer) => newer(bytes, 96 + 6, 9), 'is not of its kind'],
  ])('finds %s', (_, change, fault) => {
    expect(walkBytes(change(Buffer.from(whole)))).toEqual({
      kind: 'damaged',
      fault: expect.stringContaining(fault),
    });
  });
});

function patched(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

/** Changes the meta page that is in force. */
function newer(bytes: Buffer, at: number, value: number): Buffer {
  const second = bytes.readUInt32LE(4_096 + 152) > bytes.readUInt32LE(152);
  return patched(bytes, at + (second ? 4_096 : 0), value);
}
