/**
 * The program that is traced: opens a store and commits the batches of the model, several under way at a time, and says
 * `begun N`, `done N` and `failed N REASON MS` on stdout, each in one write of its own.
 *
 *     node … PATH SEED FIRST LAST UNDER_WAY DEADLINE_MS [unsafe-no-sync]
 */
import { writeSync } from 'node:fs';
import { nodeClock } from '../../server/src/node-clock.ts';
import { LmdbStore } from '../../server/src/stores/lmdb-store.ts';
import { StoreModel } from './store-model.ts';

const [path, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [seed, first, last, underWay, flushDeadlineMs] = numbers.map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const unsafeNoSync = numbers[5] === 'unsafe-no-sync';
const say = (text: string) => writeSync(1, `${text}\n`);

const model = new StoreModel(seed);
for (let number = 1; number < first; number++) model.next();
const store = LmdbStore.open(path, { clock: nodeClock, flushDeadlineMs, unsafeNoSync });

let turns = 0;
const turning = setInterval(() => turns++, 5);
let number = first;
let open = 0;
const more = () => {
  while (open < underWay && number <= last) {
    const mine = number++;
    const startedMs = performance.now();
    const turnsBefore = turns;
    open++;
    say(`begun ${mine}`);
    store.commit(model.next(), (error) => {
      open--;
      const took = Math.round(performance.now() - startedMs);
      say(error ? `failed ${mine} ${error.reason} ${took}` : `done ${mine} ${turns - turnsBefore}`);
      if (open > 0) return;
      if (error || number > last) end();
      else setImmediate(more);
    });
  }
};
/** After a failure one more commit is tried: it must fail at once. */
function end(): void {
  clearInterval(turning);
  store.commit([], (error) => {
    say(`end ${error?.reason ?? 'well'}`);
    if (error) process.exit(0);
    else void store.close();
  });
}
more();
