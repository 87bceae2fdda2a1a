/**
 * X1 and X11: hostile bytes for the decoders of hub and client.
 *
 * Seen to fail with its guard taken out (RINGHUB_PLANT=NAME gives the test such a decoder): `throws`, one that lets a wrong field's
 * fault out; `swells`, one that makes a frame of every byte; `claims`, one that allocates what a length says.
 */
import { decodeClientMessageBinary, decodeServerMessageBinary } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../server/support/seeded-random.ts';
import { CLAIMS, claimed, HUGE } from './claims.ts';
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
      const message = claimed(kind, body(huge));
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
