/** A store says what it is; a damaged or later one is told from a known one. */
import { describe, expect, it } from 'vitest';
import { sealText, unsealText } from '../../server/src/engines/sealed-value.ts';
import {
  newEpochWrites,
  newStoreWrites,
  readStoreFormat,
  STORE_FORMAT,
} from '../../server/src/engines/store-format.ts';
import { metaKey } from '../../server/src/engines/store-keys.ts';
import type { StoreWrite } from '../../server/src/ports/store.ts';
import { SortedEntries } from '../../server/src/stores/sorted-entries.ts';

const storeOf = (...writes: StoreWrite[]) => {
  const entries = new SortedEntries();
  entries.apply(writes);
  return entries;
};

describe('the format of a store', () => {
  it('is known, with its epoch', () => {
    expect(readStoreFormat(storeOf(...newStoreWrites('e1')))).toEqual({
      kind: 'known',
      epoch: 'e1',
      format: STORE_FORMAT,
    });
    const restored = storeOf(...newStoreWrites('e1'), ...newEpochWrites('e2'));
    expect(readStoreFormat(restored)).toEqual({ kind: 'known', epoch: 'e2', format: STORE_FORMAT });
  });

  it('is newer where a later version wrote it, whatever else is there', () => {
    const later = { key: metaKey('format'), value: sealText(String(STORE_FORMAT + 1)) };
    expect(readStoreFormat(storeOf(later))).toEqual({ kind: 'newer', format: STORE_FORMAT + 1 });
  });

  it('is unreadable where there is none, or a damaged one', () => {
    expect(readStoreFormat(storeOf())).toEqual({ kind: 'unreadable' });
    for (const damagedAt of [0, 1]) {
      const writes = newStoreWrites('e1');
      const value = writes[damagedAt]!.value;
      for (let bit = 0; bit < value.length * 8; bit++) {
        value[bit >> 3]! ^= 1 << (bit & 7);
        expect(readStoreFormat(storeOf(...writes)), `bit ${bit}`).toEqual({ kind: 'unreadable' });
        value[bit >> 3]! ^= 1 << (bit & 7);
      }
    }
    for (const text of ['', '0', '-1', 'one', '1.5']) {
      const odd = { key: metaKey('format'), value: sealText(text) };
      expect(readStoreFormat(storeOf(...newStoreWrites('e1'), odd))).toEqual({ kind: 'unreadable' });
    }
  });

  it('seals texts of any characters', () => {
    for (const text of ['', 'a', 'é€😀', '\ufeffx']) expect(unsealText(sealText(text))).toBe(text);
  });
});
