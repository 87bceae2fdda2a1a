/** A lane of the dashboard that is paused while it is being subscribed. */
import type { Hub } from '@ringhub/client';
import { expect, it } from 'vitest';
import { Lane, type Messages } from '../../demo/dashboard/lane.ts';

const SETTINGS = { overflow: 'drop-oldest', capacity: 50, prefetch: 8 } as const;

/** A hub that answers a subscribe when the test says so; what its subscriptions were told is in `calls`. */
function sceneOf() {
  const calls: string[] = [];
  const answers: (() => void)[] = [];
  const told = (what: string) => async () => void calls.push(what);
  const subscribe = (): Promise<unknown> => {
    const subscription = {
      granted: SETTINGS,
      pause: told('pause'),
      resume: told('resume'),
      unsubscribe: told('unsubscribe'),
      async *[Symbol.asyncIterator]() {},
    };
    return new Promise((resolve) => answers.push(() => resolve(subscription)));
  };
  const failed = (_: Lane, error: unknown): void => {
    throw error;
  };
  const lane = new Lane('normal', SETTINGS, null, { message: () => {}, gap: () => {}, failed });
  const hub = { subscribe } as unknown as Hub<Messages>;
  const open = async (meanwhile: () => void): Promise<void> => {
    const opening = lane.open(hub, SETTINGS);
    // The old subscription is given up first.
    while (answers.length === 0) await Promise.resolve();
    meanwhile();
    answers.shift()!();
    await opening;
  };
  return { lane, calls, open };
}

it('is paused as soon as it is subscribed', async () => {
  const { lane, calls, open } = sceneOf();
  await open(() => {});
  await open(() => lane.pause());
  expect(calls).toEqual(['unsubscribe', 'pause']);
  expect(lane.pausedAtMs).toBeDefined();
});

it('reads on where the wish was taken back, and when it is subscribed anew', async () => {
  const { lane, calls, open } = sceneOf();
  await open(() => {
    lane.pause();
    lane.resume();
  });
  expect(calls).toEqual([]);
  lane.pause();
  await open(() => {});
  expect(calls).toEqual(['pause', 'unsubscribe']);
  expect(lane.pausedAtMs).toBeUndefined();
});
