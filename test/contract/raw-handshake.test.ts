/** The frames that hostile tests write by hand are what their lengths say. */
import type { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import * as ws from 'ws';
import { clientFrame } from './raw-handshake.ts';

/** Its types leave it out. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

it.each([0, 125, 126, 65_535, 65_536])('a frame of %i bytes is read as one', async (bytes) => {
  const receiver = new Receiver({ isServer: true });
  const read: number[] = [];
  receiver.on('message', (data: Buffer) => read.push(data.length));
  const concluded = new Promise((resolve, reject) => {
    receiver.on('conclude', resolve);
    receiver.on('error', reject);
  });
  receiver.write(clientFrame(2, new Uint8Array(bytes)));
  receiver.write(clientFrame(8, new Uint8Array()));
  await concluded;
  expect(read).toEqual([bytes]);
});
