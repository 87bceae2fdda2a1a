/**
 * What a hub takes to read frames of clients in JSON: `chrt -r 5 node scripts/run-ts.mjs test/hostile/ordinary-frames.ts`
 *
 * ns a frame, 64 in a message, checks included; a quarter of 40 rounds took less, all kinds in turn. Before that the reader meets texts of every kind,
 * as a hub's has: 3,000 hostile inputs.
 */
import { ClientMessageJson, ShortTexts } from '@ringhub/protocol';
import { seededRandom } from '../server/support/seeded-random.ts';
import { fuzz } from './fuzz.ts';

const FRAMES = 64;
const WARM_UP = 20;
const ROUNDS = 40;
/** Of the same message, one after the other: a clock does not tell less. */
const READINGS = 8;

const publish = (payload: unknown, ...properties: unknown[]): string =>
  JSON.stringify(['publish', 123, 'prices', 'eu.de.spot', payload, ...properties]);
const tick = { bid: 101.25, ask: 101.5, venue: 'XETR', at: 1_700_000_000_000, flags: ['a', 'b'], n: 17 };

const KINDS: readonly (readonly [name: string, frame: string])[] = [
  ['the shortest publish', '["publish",1,"x","k","x"]'],
  ['128 bytes of text', publish('t'.repeat(128))],
  ['1 KiB of text', publish('t'.repeat(1024))],
  [
    '128 bytes of text with an id',
    publish('t'.repeat(128), { id: '0123456789abcdef01234', mandatory: true }),
  ],
  ['129 bytes in base64', publish({ b64: 'QUFB'.repeat(43) })],
  ['100 bytes of inlined JSON', publish({ json: tick })],
  ['1.2 KiB of inlined JSON', publish({ json: Array.from({ length: 12 }, () => tick) })],
  ['60 inlined umlauts', publish({ json: 'ä'.repeat(60) })],
  ['two headers', publish('x', { headers: { region: 'eu', level: 3 } })],
  ['an ack', '["ack",1,123456]'],
];

fuzz(3_000, seededRandom(1));
const texts = new ShortTexts();
const found = new Map(KINDS.map(([name]) => [name, [] as number[]]));
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const [name, frame] of KINDS) {
    // In one piece, as a socket's message is.
    const text = Buffer.from(Array(FRAMES).fill(frame).join('\n')).toString();
    const startedMs = performance.now();
    for (let i = 0; i < READINGS; i++) {
      const message = new ClientMessageJson(text, texts);
      while (message.next());
    }
    const ns = ((performance.now() - startedMs) / (FRAMES * READINGS)) * 1e6;
    if (round >= 0) found.get(name)?.push(ns);
  }
}
for (const [name, all] of found)
  console.log(
    `${all
      .toSorted((a, b) => a - b)
      [ROUNDS >> 2]!.toFixed(0)
      .padStart(6)}  ${name}`,
  );
