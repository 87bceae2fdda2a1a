/** A loop over sockets of `ws`: what most applications have. With `patterns` the loop runs over those that match. */
import { type WebSocket, WebSocketServer } from 'ws';
import { answerBatch, KIND, keyOf } from './limit-protocol.ts';
import { LimitRouter } from './limit-router.ts';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const router = new LimitRouter<WebSocket>();

server.on('connection', (ws) => {
  ws.on('error', () => ws.terminate());
  ws.on('message', (data) => {
    const message = data as Buffer;
    switch (message[0]) {
      case KIND.subscribe:
        router.add(message.toString('latin1', 1), ws);
        ws.send('ok');
        return;
      case KIND.publish:
        for (const socket of router.match(keyOf(message))) socket.send(message);
        return;
      case KIND.batch:
        ws.send(answerBatch(message));
    }
  });
});
server.on('listening', () => {
  console.log(`port ${(server.address() as { port: number }).port}`);
});
