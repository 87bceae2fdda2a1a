/** A hub on a disk in memory with a durable exchange, and what its tests ask of it. */
import { expect } from 'vitest';
import { HubScene, type HubSceneOptions } from './hub-scene.ts';
import type { ScriptedClient } from './scripted-client.ts';

export const KEPT = 'kept';
export const ALL = { bindings: [[KEPT, '#']] as [string, string][] };
export const BOTH = {
  bindings: [
    [KEPT, '#'],
    ['amq.topic', '#'],
  ] as [string, string][],
};

export function scene(options: HubSceneOptions = {}) {
  const made = new HubScene({ durable: true, ...options });
  const operator = made.client('operator');
  operator.send(['declare', 1, KEPT, { type: 'topic', durable: true }]);
  made.flush();
  expect(operator.takeOf('ok')).toHaveLength(1);
  return made;
}

/** Publishes, one a turn, and waits for the disk. */
export function publish(made: HubScene, ...keys: string[]): void {
  for (const key of keys) {
    made.publishNow(key, `of ${key}`, { exchange: KEPT });
    made.flush();
  }
}

/** The cursor of a queue by its latest mark. */
export function markOf(made: HubScene, client: ScriptedClient, queue: number): string {
  client.take();
  made.clock.advance(made.limits.heartbeatMs + 2_000);
  const marks = client.takeOf('mark').filter((mark) => mark.queue === queue);
  expect(marks).not.toEqual([]);
  return marks.at(-1)!.cursor;
}

export const rot = (value: Uint8Array): Uint8Array =>
  value.map((byte, i) => (i === value.length - 1 ? byte ^ 1 : byte));
/** The page of history that was asked for. */
export function itemsOf(client: ScriptedClient) {
  const [ok] = client.takeOf('ok');
  if (!ok?.result || !('items' in ok.result)) throw new Error('no page came');
  return ok.result.items;
}

export const codesOf = (client: ScriptedClient, type: 'error' | 'refused'): number[] =>
  client.takeOf(type).map(({ code }) => code);
