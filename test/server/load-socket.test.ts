/** The benchmark's own WebSocket client: frames that come in more reads than one are whole. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { LoadSocket } from '../../bench/load/web-socket.ts';

/** More than two reads of a quarter of a MiB. */
const LONG_BYTES = 1024 * 1024;

const frameOf = (payload: Buffer): Buffer => {
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeUInt32BE(payload.length, 6);
  return Buffer.concat([head, payload]);
};

it('puts frames together that are longer than what is read at once', async () => {
  const long = Buffer.alloc(LONG_BYTES).map((_, i) => (i >> 8) ^ i);
  const payloads = [long, Buffer.from('short'), long, Buffer.from('end')].map((bytes) => Buffer.from(bytes));
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      // Asked for once the client listens.
      socket.once('data', () => socket.end(Buffer.concat(payloads.map(frameOf))));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = await LoadSocket.open({ port, path: '/' });
  try {
    const received: Buffer[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.onClosed = (why) => reject(new Error(why));
      socket.onFrame = (bytes, start, end) => {
        received.push(Buffer.from(bytes.subarray(start, end)));
        if (received.length === payloads.length) resolve();
      };
      socket.sendText(Buffer.from('go'));
    });
    expect(received.map((bytes, i) => bytes.equals(payloads[i]!))).toEqual([true, true, true, true]);
  } finally {
    socket.destroy();
    server.close();
  }
});
