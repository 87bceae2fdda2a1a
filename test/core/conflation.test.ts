/** Which messages are of one conflation key (PROTOCOL §6). */
import { expect, it } from 'vitest';
import { Conflation } from '../../server/src/core/conflation.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { storedRecord } from './stored-record.ts';

const sameKey = (conflation: Conflation, a: Partial<StoredRecord>, b: Partial<StoredRecord>): boolean => {
  conflation.clear();
  conflation.waitsAt(storedRecord(1, a), 7);
  return conflation.find(storedRecord(2, b)) === 7;
};

it('goes by the routing key', () => {
  const conflation = new Conflation(undefined);
  expect(sameKey(conflation, { key: 'a' }, { key: 'a', headers: { h: 1 } })).toBe(true);
  expect(sameKey(conflation, { key: 'a' }, { key: 'b' })).toBe(false);
});

it('keeps exchanges apart, whatever their names', () => {
  const conflation = new Conflation(undefined);
  expect(sameKey(conflation, { exchange: 'x', key: 'a' }, { exchange: 'x', key: 'a' })).toBe(true);
  expect(sameKey(conflation, { exchange: 'x', key: 'a' }, { exchange: 'y', key: 'a' })).toBe(false);
  expect(sameKey(conflation, { exchange: 'x:a', key: 'b' }, { exchange: 'x', key: 'a:b' })).toBe(false);
});

it.each<[StoredRecord['headers'], StoredRecord['headers'], boolean]>([
  [{ h: 'a' }, { h: 'a', other: 1 }, true],
  [{ h: '1' }, { h: 1 }, false],
  [{ h: null }, { h: 'null' }, false],
  [{ h: true }, { h: 'true' }, false],
  [{ h: null }, { h: null }, true],
  [{ h: 'k' }, undefined, false],
  [{ h: 'key:k' }, {}, false],
  [{}, undefined, true],
])('goes by the header, type and all: %o and %o', (a, b, same) => {
  expect(sameKey(new Conflation('h'), { headers: a }, { headers: b })).toBe(same);
});

it('forgets', () => {
  const conflation = new Conflation(undefined);
  conflation.waitsAt(storedRecord(1), 1);
  conflation.forget(storedRecord(1));
  expect(conflation.find(storedRecord(2))).toBeUndefined();
});
