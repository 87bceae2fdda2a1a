import { expect, it } from 'vitest';
import { startAfter } from '../../server/src/core/log-start.ts';

const bounds = { epoch: 'e1', last: 10 };

it.each([
  ['within the log', 'e1', 4, { after: 4 }],
  ['at its end', 'e1', 10, { after: 10 }],
  [
    'beyond its end',
    'e1',
    12,
    { after: 10, lost: { log: 'v', epoch: 'e1', from: 11, to: 12, count: null, reason: 'epoch' } },
  ],
  [
    'of another life',
    'e0',
    4,
    { after: 0, lost: { log: 'v', epoch: 'e0', from: 5, to: null, count: null, reason: 'epoch' } },
  ],
])('a cursor %s', (_, epoch, offset, start) => {
  expect(startAfter({ log: 'v', epoch, offset }, bounds)).toEqual(start);
});
