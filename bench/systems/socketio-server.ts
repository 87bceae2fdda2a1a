/**
 * Socket.IO as its own documents have it: rooms, and acks by callback of a broadcast. It has no wildcards, so with
 * `patterns` each has a room, and our trie says which rooms a key goes to; it sends to a socket of several only once.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { LimitRouter } from './limit-router.ts';

/** Longer than any run: an ack that does not come in time would be an error of a publish. */
const ACK_TIMEOUT_MS = 600_000;

const ability = process.argv[2];
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  maxHttpBufferSize: 1024 * 1024,
});
const router = new LimitRouter<string>();
const rooms = new Set<string>();

io.on('connection', (socket) => {
  socket.on('subscribe', (patterns: string[], done: () => void) => {
    for (const pattern of patterns) {
      if (ability === 'patterns' && !rooms.has(pattern)) router.add(pattern, pattern);
      rooms.add(pattern);
    }
    void socket.join(patterns);
    done();
  });
  socket.on('publish', (key: string, message: string) => {
    if (ability === 'acks') {
      io.to(key)
        .timeout(ACK_TIMEOUT_MS)
        .emit('message', message, () => {});
      return;
    }
    // To no room would be to everybody.
    const to = ability === 'patterns' ? router.match(key) : key;
    if (to.length > 0) io.to(to as string | string[]).emit('message', message);
  });
});

http.listen(0, '127.0.0.1', () => console.log(`port ${(http.address() as AddressInfo).port}`));
