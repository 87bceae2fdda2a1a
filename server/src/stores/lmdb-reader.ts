/**
 * Reads an LMDB file: the reading half of a store, and all there is of one for commands that change nothing. It may
 * be open in other processes at the same time, also in one that writes.
 */
import { open, type RootDatabase } from 'lmdb';
import type { RangeOptions, StoreEntry } from '../ports/store.ts';

export type LmdbDatabase = RootDatabase<Uint8Array, Uint8Array>;

export const DEFAULT_MAP_BYTES = 128 * 1024 ** 3;

/** What every opening of a store says. With `overlappingSync` the file would be another one: with three meta pages. */
export const COMMON_OPTIONS = {
  noSubdir: true,
  encoding: 'binary',
  keyEncoding: 'binary',
  maxDbs: 1,
  overlappingSync: false,
} as const;

export class LmdbReader {
  constructor(private readonly db: LmdbDatabase) {}

  /** Opens a file that was checked (store-check.ts), to read only. Throws what LMDB says where it cannot. */
  static open(path: string): LmdbReader {
    const options = { ...COMMON_OPTIONS, path, readOnly: true, mapSize: DEFAULT_MAP_BYTES };
    return new LmdbReader(open<Uint8Array, Uint8Array>(options));
  }

  /** What the file takes of the disk, free pages in it included, and how many entries there are. */
  get size(): { bytes: number; entries: number } {
    const stats = this.db.getStats() as LmdbStats;
    return { bytes: (stats.lastPageNumber + 1) * stats.pageSize, entries: stats.entryCount };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.db.getBinary(key);
  }

  range(from: Uint8Array, to: Uint8Array, options: RangeOptions): StoreEntry[] {
    const { limit, reverse = false, maxBytes } = options;
    if (limit <= 0 || Buffer.compare(from, to) >= 0) return [];
    const bounds = reverse
      ? { start: to, end: from, reverse: true, exclusiveStart: true, inclusiveEnd: true }
      : { start: from, end: to };
    const entries = this.db.getRange({ ...bounds, limit });
    return maxBytes === undefined ? [...entries] : upToBytes(entries, maxBytes);
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): Uint8Array[] {
    if (limit <= 0 || Buffer.compare(from, to) >= 0) return [];
    return [...this.db.getKeys({ start: from, end: to, limit })];
  }

  /** A consistent copy as of now, made on a thread while others commit. The path must not exist. */
  async copyTo(path: string): Promise<void> {
    await this.db.backup(path, false);
  }

  async close(): Promise<void> {
    await this.db.close();
  }
}

function upToBytes(entries: Iterable<StoreEntry>, maxBytes: number): StoreEntry[] {
  const taken: StoreEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    taken.push(entry);
    bytes += entry.value.length;
    if (bytes >= maxBytes) break;
  }
  return taken;
}

interface LmdbStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly entryCount: number;
}
