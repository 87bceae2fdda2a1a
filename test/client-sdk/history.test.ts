/** Pages of the log, as the client asks for them and gives them. */

import type { Hub, Message } from '@ringhub/client';
import { type History, history } from '@ringhub/client/history';
import { describe, expect, it } from 'vitest';
import { gapItem, item } from './support/frames.ts';
import { Scene } from './support/scene.ts';

async function scene() {
  const scene = new Scene();
  const hub: Hub = await scene.online();
  const answered = async (page: Promise<History>, items: unknown[], cursor: string, more = false) => {
    await scene.settle();
    const [type, ref, request] = scene.socket.read().at(-1)!;
    expect(type).toBe('history');
    scene.socket.says(['ok', ref, { items, cursor, more }]);
    return { request, page: await page };
  };
  return { hub, answered };
}

const range = (from: number, to: number | null, epoch = 'e1') =>
  ({ log: 'v', epoch, from, to, count: null, reason: 'overflow' }) as const;

describe('history', () => {
  it('gives messages and gaps like a subscription, with nothing to acknowledge', async () => {
    const { hub, answered } = await scene();
    const { request, page } = await answered(
      history(hub, [['prices', '#']], { before: null, limit: 2 }),
      [gapItem(1, 3), item(4)],
      'v:e1:1',
      true,
    );
    expect(request).toEqual({ bindings: [['prices', '#']], before: null, limit: 2 });
    expect(page).toMatchObject({ cursor: 'v:e1:1', more: true });
    const [gap, message] = page.items;
    expect(gap).toMatchObject({ kind: 'gap', count: 3 });
    expect(message).toMatchObject({ data: 4, position: { log: 'v', epoch: 'e1', offset: 4 } });
    expect((message as Message).ack).toBeUndefined();
  });

  it('asks for what a gap lost, page by page, and not for what it has', async () => {
    const { hub, answered } = await scene();
    const gap = { kind: 'gap', count: null, reason: 'overflow', ranges: [range(1, 5), range(8, 9)] } as const;
    const first = await answered(history(hub, [['prices', '#']], { gap }), [item(1)], 'v:e1:1', true);
    expect(first.request).toMatchObject({
      ranges: [
        ['v', 'e1', 1, 5],
        ['v', 'e1', 8, 9],
      ],
    });
    const { cursor } = first.page;
    const second = await answered(
      history(hub, [['prices', '#']], { gap, after: cursor }),
      [],
      'v:e1:6',
      true,
    );
    expect(second.request).toEqual({
      bindings: [['prices', '#']],
      ranges: [
        ['v', 'e1', 2, 5],
        ['v', 'e1', 8, 9],
      ],
    });
    const done = await history(hub, [['prices', '#']], { gap, after: 'v:e1:9' });
    expect(done).toEqual({ items: [], cursor: 'v:e1:9', more: false });
  });
});
