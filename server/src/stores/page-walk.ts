/**
 * Reads an LMDB file page by page and finds what is wrong with it, without LMDB: LMDB trusts its file, so that a torn
 * or rotten one makes it read, or write, where it must not.
 *
 *     meta 0, meta 1 ─► the newer one ─► tree of entries ─┐ every page once, where it says it is, its nodes within it,
 *                                    └─► tree of the free ─┘ keys in order, counts as the meta page says; no free page
 *                                                            in use, none free twice
 *
 * What is inside values is not looked at: they have checksums of their own. Format: LMDB's, data version 2, as of
 * lmdb 3.5 without `overlappingSync`, one table of plain entries, little-endian.
 *
 * **It must stand alone**: the checking child runs the text of this function, so it may use nothing from outside.
 */

export type PageReport =
  | {
      readonly kind: 'sound';
      readonly pageSize: number;
      readonly pages: number;
      readonly freePages: number;
      readonly entries: number;
      readonly transaction: number;
    }
  | { readonly kind: 'damaged'; readonly fault: string };

/** Fills `into` from an offset of the file; returns how many bytes there were. */
export type ReadAt = (into: Uint8Array, offset: number) => number;

export function walkPages(readAt: ReadAt, fileBytes: number): PageReport {
  const HEADER_BYTES = 24;
  const NODE_HEADER_BYTES = 8;
  const META_BYTES = HEADER_BYTES + 144;
  const MAGIC = 0xbeefc0de;
  const DATA_VERSION = 2;
  const BRANCH = 1;
  const LEAF = 2;
  const OVERFLOW = 4;
  const META = 8;
  const BIG_DATA = 1;
  const U32 = 0x1_0000_0000;
  const MAX_MAP_BYTES = 2 ** 47;

  class Fault {
    constructor(readonly text: string) {}
  }
  const fail = (text: string): never => {
    throw new Fault(text);
  };
  const u16 = (bytes: Uint8Array, at: number) => bytes[at]! | (bytes[at + 1]! << 8);
  const u32 = (bytes: Uint8Array, at: number) => u16(bytes, at) + u16(bytes, at + 2) * 0x1_0000;
  /** Beyond 2^53 it is not exact, and -1 for all ones, which is "none". */
  const u64 = (bytes: Uint8Array, at: number) => {
    const low = u32(bytes, at);
    const high = u32(bytes, at + 4);
    return low === U32 - 1 && high === U32 - 1 ? -1 : high * U32 + low;
  };

  interface Tree {
    readonly name: string;
    readonly flags: number;
    readonly depth: number;
    readonly branches: number;
    readonly leaves: number;
    readonly overflows: number;
    readonly entries: number;
    readonly root: number;
  }
  interface Meta {
    readonly pageSize: number;
    readonly mapBytes: number;
    readonly free: Tree;
    readonly main: Tree;
    readonly lastPage: number;
    readonly transaction: number;
  }

  const readTree = (name: string, bytes: Uint8Array, at: number): Tree => ({
    name,
    flags: u16(bytes, at + 4),
    depth: u16(bytes, at + 6),
    branches: u64(bytes, at + 8),
    leaves: u64(bytes, at + 16),
    overflows: u64(bytes, at + 24),
    entries: u64(bytes, at + 32),
    root: u64(bytes, at + 40),
  });

  const readMeta = (number: number, offset: number): Meta => {
    const bytes = new Uint8Array(META_BYTES);
    if (readAt(bytes, offset) < META_BYTES) fail('the file ends before its second meta page');
    if (u64(bytes, 0) !== number || u16(bytes, 18) !== META) fail(`page ${number} is no meta page`);
    if (u32(bytes, 24) !== MAGIC) fail(`meta page ${number} is not that of a store`);
    if (u32(bytes, 28) !== DATA_VERSION) fail(`meta page ${number} is of data version ${u32(bytes, 28)}`);
    return {
      pageSize: u32(bytes, 48),
      mapBytes: u64(bytes, 40),
      free: readTree('the list of free pages', bytes, 48),
      main: readTree('the entries', bytes, 96),
      lastPage: u64(bytes, 144),
      transaction: u64(bytes, 152),
    };
  };

  const newerMeta = (): Meta => {
    const first = readMeta(0, 0);
    const { pageSize } = first;
    if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
      fail(`no page size: ${pageSize}`);
    const second = readMeta(1, pageSize);
    // Transaction n is in meta page n mod 2: a lower number than there was would show an older store unnoticed.
    if (first.transaction % 2 !== 0 || Math.abs(first.transaction - second.transaction) !== 1)
      fail(`meta pages of the transactions ${first.transaction} and ${second.transaction}`);
    if (second.pageSize !== pageSize) fail('the meta pages do not agree on the size of pages');
    if (first.free.flags !== second.free.flags) fail('the meta pages do not agree on flags');
    return first.transaction > second.transaction ? first : second;
  };

  const walk = (meta: Meta): PageReport => {
    const { pageSize, lastPage } = meta;
    const room = pageSize - HEADER_BYTES;
    if (lastPage < 1 || lastPage >= 2 ** 40) fail(`no last page: ${lastPage}`);
    if (meta.mapBytes < pageSize || meta.mapBytes > MAX_MAP_BYTES) fail(`no map size: ${meta.mapBytes}`);
    // LMDB would make a map as large as that, which may kill the process.
    if ((lastPage + 1) * pageSize > meta.mapBytes)
      fail(`${lastPage + 1} pages are said to be there, more than the map holds`);
    if (meta.main.flags !== 0) fail('the table of entries has flags');
    const pagesInFile = Math.floor(fileBytes / pageSize);
    const inUse = new Uint8Array((Math.min(lastPage + 1, pagesInFile) >> 3) + 1);
    let pages = 2;

    const use = (page: number) => {
      if (page < 2 || page > lastPage) fail(`page ${page} is not one of the ${lastPage + 1} there are`);
      if (page >= pagesInFile) fail(`the file ends before page ${page}`);
      const bit = 1 << (page & 7);
      if (inUse[page >> 3]! & bit) fail(`page ${page} is in use twice`);
      inUse[page >> 3]! |= bit;
      pages++;
    };
    const readPage = (page: number, into: Uint8Array) => {
      use(page);
      readAt(into, page * pageSize);
      if (u64(into, 0) !== page) fail(`page ${page} says that it is page ${u64(into, 0)}`);
      const transaction = u64(into, 8);
      if (transaction < 1 || transaction > meta.transaction) fail(`page ${page} is of another time`);
    };

    const walkTree = (
      tree: Tree,
      compare: (a: Uint8Array, b: Uint8Array) => number,
      onEntry: (key: Uint8Array, value: () => Uint8Array) => void,
    ) => {
      let branches = 0;
      let leaves = 0;
      let overflows = 0;
      let entries = 0;
      let lastKey: Uint8Array | undefined;
      const overflowHead = new Uint8Array(HEADER_BYTES);
      const buffers = Array.from(
        { length: tree.depth <= 64 ? tree.depth : 0 },
        () => new Uint8Array(pageSize),
      );

      const useOverflow = (bytes: Uint8Array, at: number, size: number): number => {
        const page = u64(bytes, at);
        // More than it needs where a larger value was put before it in the same transaction.
        const count = u64(bytes, at + 16);
        const needed = Math.floor((HEADER_BYTES - 1 + size) / pageSize) + 1;
        if (count < needed || count > lastPage)
          fail(`a value of ${size} bytes is said to be on ${count} pages`);
        readPage(page, overflowHead);
        if (u16(overflowHead, 18) !== OVERFLOW || u32(overflowHead, 20) !== count)
          fail(`page ${page} does not begin a value of ${count} pages`);
        for (let i = 1; i < count; i++) use(page + i);
        overflows += count;
        return page;
      };

      const walkPage = (
        page: number,
        level: number,
        low: Uint8Array | undefined,
        high: Uint8Array | undefined,
      ) => {
        const bytes = buffers[level]!;
        readPage(page, bytes);
        const isLeaf = level === tree.depth - 1;
        if (u16(bytes, 18) !== (isLeaf ? LEAF : BRANCH)) fail(`page ${page} is not of its kind`);
        if (isLeaf) leaves++;
        else branches++;
        const lower = u16(bytes, 20);
        const upper = u16(bytes, 22);
        const nodes = lower >> 1;
        if (lower % 2 !== 0 || nodes < 1 || lower > upper || upper > room) fail(`page ${page} has no bounds`);
        let nodeBytes = 0;
        const children: number[] = [];
        const keys: Uint8Array[] = [];
        for (let i = 0; i < nodes; i++) {
          const at = u16(bytes, HEADER_BYTES + 2 * i);
          if (at < upper || at % 2 !== 0 || at + NODE_HEADER_BYTES > room)
            fail(`page ${page} has a node outside it`);
          const node = HEADER_BYTES + at;
          const size = u32(bytes, node);
          const flags = u16(bytes, node + 4);
          const keySize = u16(bytes, node + 6);
          const isBig = isLeaf && flags === BIG_DATA;
          if (isLeaf && flags !== 0 && !isBig) fail(`page ${page} has a node of another kind`);
          const length = NODE_HEADER_BYTES + keySize + (isBig ? 24 : isLeaf ? size : 0);
          if (at + length > room) fail(`page ${page} has a node that reaches beyond it`);
          nodeBytes += length + (length % 2);
          const dataAt = node + NODE_HEADER_BYTES + keySize;
          const key = bytes.slice(node + NODE_HEADER_BYTES, dataAt);
          if (!isLeaf) {
            children.push(flags * U32 + size);
            keys.push(key);
            // The first key of a branch page stands for whatever is lower.
            if (i === 0) continue;
            if (i > 1 && compare(keys[i - 1]!, key) >= 0) fail(`page ${page} has keys out of order`);
          } else {
            if (lastKey && compare(lastKey, key) >= 0) fail(`page ${page} has keys out of order`);
            lastKey = key;
            entries++;
          }
          if (keySize === 0) fail(`page ${page} has an empty key`);
          if ((low && compare(key, low) < 0) || (high && compare(key, high) >= 0))
            fail(`page ${page} has keys that belong elsewhere`);
          if (!isLeaf) continue;
          const overflowPage = isBig ? useOverflow(bytes, dataAt, size) : 0;
          onEntry(key, () => {
            if (!isBig) return bytes.subarray(dataAt, dataAt + size);
            const value = new Uint8Array(size);
            readAt(value, overflowPage * pageSize + HEADER_BYTES);
            return value;
          });
        }
        if (nodeBytes !== room - upper) fail(`page ${page} has nodes that do not fill their place`);
        children.forEach((child, i) => {
          walkPage(child, level + 1, i === 0 ? low : keys[i], i + 1 < children.length ? keys[i + 1] : high);
        });
      };

      if (tree.root === -1) {
        if (tree.depth !== 0) fail(`${tree.name} have no root`);
      } else {
        if (buffers.length < 1) fail(`${tree.name} have no depth: ${tree.depth}`);
        walkPage(tree.root, 0, undefined, undefined);
      }
      const counted = [branches, leaves, overflows, entries].join();
      const said = [tree.branches, tree.leaves, tree.overflows, tree.entries].join();
      if (counted !== said) fail(`${tree.name} are ${counted} pages and entries, not ${said}`);
    };

    const byBytes = (a: Uint8Array, b: Uint8Array) => {
      const length = Math.min(a.length, b.length);
      for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
      return a.length - b.length;
    };
    const byNumber = (a: Uint8Array, b: Uint8Array) => {
      if (a.length !== 8 || b.length !== 8) fail('the list of free pages has other keys than numbers');
      return u64(a, 0) - u64(b, 0);
    };

    // Lists are read when all pages in use are known.
    const lists: Uint8Array[] = [];
    walkTree(meta.free, byNumber, (key, value) => {
      byNumber(key, key);
      if (u64(key, 0) < 1 || u64(key, 0) > meta.transaction)
        fail('the list of free pages is of another time');
      lists.push(value().slice());
    });
    walkTree(meta.main, byBytes, () => {});

    const free = new Set<number>();
    const setFree = (page: number) => {
      if (page < 2 || page > lastPage)
        fail(`page ${page} is free, but is not one of the ${lastPage + 1} there are`);
      if (page < pagesInFile && inUse[page >> 3]! & (1 << (page & 7)))
        fail(`page ${page} is free and in use`);
      if (free.has(page)) fail(`page ${page} is free twice`);
      free.add(page);
    };
    for (const list of lists) {
      const count = u64(list, 0);
      if (list.length % 8 !== 0 || count < 0 || (count + 1) * 8 > list.length)
        fail('a list of free pages has no end');
      // Numbers of pages; 0 is an empty place, and a negative number the length of the run that begins at the next.
      let run = 1;
      for (let i = 1; i <= count; i++) {
        const high = u32(list, i * 8 + 4);
        const low = u32(list, i * 8);
        if (high >= 0x8000_0000) {
          run = U32 - low;
          if (high !== U32 - 1 || low === 0 || run > lastPage) fail('a list of free pages has no run');
          continue;
        }
        const page = high * U32 + low;
        if (page === 0) {
          run = 1;
          continue;
        }
        if (page + run > lastPage + 1)
          fail(`page ${page} begins a run of ${run} free pages, more than there are`);
        for (let j = 0; j < run; j++) setFree(page + j);
        run = 1;
      }
    }
    return {
      kind: 'sound',
      pageSize,
      pages,
      freePages: free.size,
      entries: meta.main.entries,
      transaction: meta.transaction,
    };
  };

  try {
    return walk(newerMeta());
  } catch (error) {
    if (error instanceof Fault) return { kind: 'damaged', fault: error.text };
    throw error;
  }
}
