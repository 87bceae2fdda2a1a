/**
 * The practical ceiling of Node: uWebSockets.js's own publish, or with `patterns` our trie and a send to each. No session, no
 * ring, no account of anything.
 */
import uws, { type WebSocket } from 'uWebSockets.js';
import { answerBatch, KIND, keyOf } from './limit-protocol.ts';
import { LimitRouter } from './limit-router.ts';

const app = uws.App();
const router = new LimitRouter<WebSocket<unknown>>();
const byPattern = process.argv[2] === 'patterns';

app.ws('/*', {
  maxBackpressure: 64 * 1024 * 1024,
  maxPayloadLength: 1024 * 1024,
  idleTimeout: 960,
  message(ws, data) {
    const message = Buffer.from(data);
    switch (message[0]) {
      case KIND.subscribe: {
        const pattern = message.toString('latin1', 1);
        if (byPattern) router.add(pattern, ws);
        else ws.subscribe(pattern);
        ws.send('ok');
        return;
      }
      case KIND.publish:
        if (!byPattern) app.publish(keyOf(message), data, true);
        else for (const socket of router.match(keyOf(message))) socket.send(data, true);
        return;
      case KIND.batch:
        ws.send(answerBatch(message), true);
    }
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('no port');
  console.log(`port ${uws.us_socket_local_port(listening)}`);
});
