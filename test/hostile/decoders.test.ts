/**
 * X1 and X11: hostile bytes for the decoders of hub and client.
 *
 * Seen to fail with its guard taken out (RINGHUB_PLANT=NAME gives the test such a decoder): `throws`, one that lets a wrong field's
 * fault out; `swells`, one that makes a frame of every byte; `claims`, one that allocates what a length says.
 */
import { decodeClientMessageBinary, decodeServerMessageBinary } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../server/support/seeded-random.ts';
import { fuzz, TARGETS, type Target } from './fuzz.ts';

const INPUTS = Number(process.env.RINGHUB_FUZZ_INPUTS ?? 500_000);
const SEED = Number(process.env.RINGHUB_HOSTILE_SEED ?? Math.floor(Math.random() * 1e9));
/** Ten seconds of CPU, on a machine that may have others to serve. */
const TIMEOUT_MS = 600_000;
const PLANT = process.env.RINGHUB_PLANT;

const planted = (target: Target): Target => {
  if (PLANT === 'throws')
    return {
      ...target,
      decode: (input) => {
        const result = target.decode(input);
        if (Array.isArray(result) && result.some(({ error }) => error === 'bad-headers')) throw result;
        return result;
      },
    };
  if (PLANT === 'swells')
    return {
      ...target,
      decode: (input) => Array.from({ length: input.length }, () => ({ type: 'invalid', fatal: true })),
    };
  return target;
};

describe('X1: decoders', () => {
  it(
    `take ${INPUTS} hostile inputs without a throw, and make no more of them than they are (seed ${SEED})`,
    () => {
      const { inputs, read, refused, failures } = fuzz(INPUTS, seededRandom(SEED), TARGETS.map(planted));
      expect(failures).toEqual([]);
      expect(inputs).toBe(INPUTS);
      // A run in which nothing was refused, or nothing got through, would have tested little.
      expect(Math.min(read, refused)).toBeGreaterThan(INPUTS / 20);
    },
    TIMEOUT_MS,
  );
});

/** The cache of texts that a decoder begins with. */
const FIXED = 512;
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
/** As a length or a count: 2^53 − 1, 4 GiB, and 256 MiB, which a machine would have. */
const HUGE = ['ff ff ff ff ff ff ff 0f', 'ff ff ff ff 0f', '80 80 80 80 01'];

/** Messages in which `HUGE` stands where a length or a count is read, each in a frame whose own length is right. */
const CLAIMS: readonly (readonly [
  what: string,
  ofHub: boolean,
  kind: string,
  body: (huge: string) => string,
])[] = [
  ['the length of an exchange', false, '04', (huge) => `0000000000000001 01 ${huge} 78`],
  ['the length of a key', false, '04', (huge) => `0000000000000001 01 01 78 ${huge} 78`],
  ['the length of a payload', false, '04', (huge) => `0000000000000001 00 01 78 01 6b ${huge} 78`],
  ['the count of headers', false, '04', (huge) => `0000000000000001 03 01 78 01 6b 00 ${huge} 01 61 00`],
  ['the count of ranges', false, '05', (huge) => `01 00 ${huge} 01 01`],
  ['the count of notes', true, '06', (huge) => `0000000000000001 0000000000000001 ${huge} 00 00`],
  ['the count of items', true, '06', (huge) => `0000000000000001 0000000000000001 00 ${huge} 01`],
  ['the count of runs', true, '07', (huge) => `${huge} 00 01 01 01 01`],
  ['the count of queues in a run', true, '07', (huge) => `01 04 01 01 01 01 ${huge} 01 61 00`],
  ['the length of a cursor', true, '08', (huge) => `01 ${huge} 76`],
];

describe('X11: a length or a count that claims more than is there', () => {
  const { Array: RealArray, ArrayBuffer: RealBuffer, Uint8Array: RealBytes } = globalThis;
  let largest = 0;

  /** Notes what size is asked for, and passes it on. */
  const watched = <T extends new (...args: never[]) => object>(original: T): T =>
    new Proxy(original, {
      construct(target, args: never[], newTarget) {
        if (typeof args[0] === 'number') largest = Math.max(largest, args[0]);
        return Reflect.construct(target, args, newTarget);
      },
    });

  const restore = (): void => {
    Object.assign(globalThis, { Array: RealArray, ArrayBuffer: RealBuffer, Uint8Array: RealBytes });
  };
  afterEach(restore);

  it.each(CLAIMS)('%s: nothing is allocated from it', (_, ofHub, kind, body) => {
    for (const huge of HUGE) {
      const content = hex(body(huge));
      const message = new Uint8Array([...hex(kind), 0, 0, 0, content.length, ...content]);
      largest = 0;
      Object.assign(globalThis, {
        Array: watched(RealArray),
        ArrayBuffer: watched(RealBuffer),
        Uint8Array: watched(RealBytes),
      });
      // What a decoder without the guard would do.
      if (PLANT === 'claims') new Uint8Array(2 ** 28);
      const result = ofHub ? decodeServerMessageBinary(message) : decodeClientMessageBinary(message);
      restore();
      expect(largest).toBeLessThanOrEqual(FIXED);
      if (ofHub) expect(result).toBeUndefined();
      else expect(result).toMatchObject([{ type: 'invalid', error: 'bad-frame', fatal: true }]);
    }
  });
});
