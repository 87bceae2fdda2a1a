/**
 * What the engine adds to a group commit, without sockets and hub: groups of publishes, each of another session, one
 * group after the other, against the bare store doing the same commits, in one run.
 *
 *   node scripts/run-ts.mjs bench/durable-engine.ts [--group 50] [--sessions 100] [--seconds 10]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EmbeddedEngine } from '../server/src/engines/embedded.ts';
import { encodeRecord } from '../server/src/engines/record-codec.ts';
import { logKey } from '../server/src/engines/store-keys.ts';
import { nodeClock as clock } from '../server/src/node-clock.ts';
import { LmdbStore } from '../server/src/stores/lmdb-store.ts';

const { values } = parseArgs({
  options: {
    group: { type: 'string', default: '50' },
    sessions: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    bytes: { type: 'string', default: '128' },
  },
});
const group = Number(values.group);
const sessions = Number(values.sessions);
const seconds = Number(values.seconds);
const payload = 'x'.repeat(Number(values.bytes));

const folder = mkdtempSync(join(tmpdir(), 'ringhub-engine-bench-'));
const raw = LmdbStore.open(join(folder, 'raw.mdb'), { clock });
const store = LmdbStore.open(join(folder, 'engine.mdb'), { clock });
const engine = new EmbeddedEngine({ clock, epoch: 'v', durable: { store, epoch: 'd' } });

const message = {
  exchange: 'bench',
  key: 'a.b',
  payload,
  contentType: 'text/plain',
  subject: 'dev',
  reached: [1],
  headers: undefined,
  id: undefined,
  ttlMs: undefined,
};
const seqs = new Array<number>(sessions).fill(0);
let turn = 0;

/** Publishes a group, and resolves when the last of it is done. */
const publishGroup = () =>
  new Promise<void>((resolve, reject) => {
    let left = group;
    for (let i = 0; i < group; i++) {
      const session = turn++ % sessions;
      const numbers = [{ session: `session-${session}`, seq: ++seqs[session]! }];
      engine.publish(
        { ...message, log: 'd', payloadBytes: payload.length },
        ({ kind }) => {
          if (kind !== 'taken') reject(new Error(kind));
          else if (--left === 0) resolve();
        },
        { numbers },
      );
    }
  });

let sequence = 0;
/** Records are made in the time that counts, too: the engine makes its own. */
const commitGroup = () =>
  new Promise<void>((resolve, reject) => {
    const writes = Array.from({ length: group }, () => {
      const value = encodeRecord({ ...message, sequence: ++sequence, timeMs: Date.now() });
      return { key: logKey(sequence), value };
    });
    raw.commit(writes, (error) => (error ? reject(new Error(error.text)) : resolve()));
  });

async function msOf(act: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}

/** From the fastest to the slowest: what else the machine does makes a few groups very slow. */
const quartiles = (all: readonly number[]) => {
  const sorted = all.toSorted((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((part) => sorted[Math.floor(sorted.length * part)]!);
};
const rate = (ms: number) => ((group / ms) * 1000).toFixed(0);

const found = { engine: [] as number[], store: [] as number[] };
for (const untilMs = performance.now() + seconds * 1000; performance.now() < untilMs; ) {
  // Group by group, so that both meet the same disk and the same other work.
  found.engine.push(await msOf(publishGroup));
  found.store.push(await msOf(commitGroup));
}
const [engineMs, storeMs] = [quartiles(found.engine), quartiles(found.store)];
console.log(`groups of ${group} of ${sessions} sessions, messages/s by the median group (quartiles):`);
for (const [name, ms] of [
  ['engine', engineMs],
  ['store', storeMs],
] as const)
  console.log(`${name.padEnd(6)} ${rate(ms[1]!)} (${rate(ms[2]!)} to ${rate(ms[0]!)})`);
console.log(`ratio  ${(storeMs[1]! / engineMs[1]!).toFixed(2)}`);
await engine.close();
await raw.close();
rmSync(folder, { recursive: true, force: true });
