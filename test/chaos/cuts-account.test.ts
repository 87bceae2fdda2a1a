/** The books of the cuts find what they are kept for. */
import { expect, it } from 'vitest';
import { CutsAccount, payloadOf, type ReaderRules } from './cuts-account.ts';

const LOG: ReaderRules = { name: 'log', ways: ['log.a'] };
const LIVE: ReaderRules = { name: 'live', ways: ['live.a'], mayMiss: true };
const SHARED: ReaderRules = { name: 'shared', ways: ['shared'], isShared: true };

/** The first publisher publishes what is durable, the last one what is not; a reader gets every fifth, or third, number. */
function books(rules: ReaderRules) {
  const account = new CutsAccount();
  const publisher = rules === LIVE ? 7 : 0;
  const numbers = { log: [0, 5, 10, 15], live: [0, 3, 6, 9], shared: [4, 9, 14, 19] }[rules.name]!;
  for (let n = 0; n < 20; n++) {
    account.published[publisher]!++;
    account.confirm(publisher, n);
  }
  const reader = account.reader(rules);
  const take = (index: number, isMarked = false) =>
    reader.take(payloadOf(publisher, numbers[index]!), isMarked);
  return { account, reader, take, publisher };
}

it('says nothing of what came once, in order', () => {
  const { account, reader, take } = books(LOG);
  for (const index of [0, 1, 2, 3]) take(index);
  expect([account.violations, reader.lost]).toEqual([0, []]);
  expect(reader.isComplete).toBe(true);
});

it('misses what did not come', () => {
  const { reader, take } = books(LOG);
  for (const index of [0, 1, 3]) take(index);
  expect(reader.lost).toEqual(['log 0:10']);
});

it('sees what came twice, or too late', () => {
  const { account, reader, take } = books(LOG);
  for (const index of [0, 2, 1, 2]) take(index);
  expect([reader.reordered, reader.duplicates]).toEqual([1, 1]);
  expect(account.told).toEqual(['log: 0:5 came after 0:10', 'log: 0:10 came twice']);
});

it('excuses what a gap stands for, in its place only, and for another epoch only', () => {
  const { account, reader, take } = books(LIVE);
  take(0);
  reader.gap('epoch');
  take(2);
  expect([reader.lost, account.violations]).toEqual([['live 7:9', 'live 7:12', 'live 7:15', 'live 7:18'], 0]);
  reader.gap('overflow');
  expect(account.told).toEqual(['live was told of a gap: overflow']);
  const durable = books(LOG);
  durable.reader.gap('epoch');
  expect(durable.account.violations).toBe(1);
});

it('lets consumers share what says that it was sent before', () => {
  const { account, reader, take } = books(SHARED);
  take(1);
  take(0);
  take(0, true);
  take(2, true);
  take(2);
  expect([account.violations, reader.repeated]).toEqual([0, 2]);
  take(1);
  expect(reader.duplicates).toBe(1);
});

it('knows of each publish how it ended, once', () => {
  const { account, reader, publisher } = books(LOG);
  account.confirm(publisher, 3);
  account.published[0]!++;
  account.lose(0, 20);
  reader.take('nonsense');
  expect(account.told).toEqual([
    '0:3 ended twice',
    '0:20 is durable, and its fate unknown',
    'log was given nonsense, which was never published to it',
  ]);
});
