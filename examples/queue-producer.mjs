/** Puts a job into the named queue `hello` every second until Ctrl-C: `node examples/queue-producer.mjs` */
import { connect } from '@ringhub/client';
import { declareQueue } from '@ringhub/client/queues';

const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '' } = process.env;
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
if (!token) fail('RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here');

const patience = setTimeout(() => fail(`no hub answers at ${RINGHUB_URL}: set RINGHUB_URL`), 5_000);
const hub = await connect(RINGHUB_URL, { token }).catch((error) => fail(String(error)));
clearTimeout(patience);

// Whoever comes first makes it; durable, it is there after a restart of the hub, with what it holds.
await declareQueue(hub, 'hello', { durable: true }).catch((error) => fail(String(error)));

let number = 0;
async function publish() {
  try {
    // Straight to the queue; resolves once the message is on the hub's disk.
    const { queues } = await hub.publish('', 'hello', { number: ++number });
    console.log(`job ${number} is in ${queues?.took.join(', ')}`);
  } catch (error) {
    console.error(`not published: ${error}`);
  }
}

const timer = setInterval(publish, 1_000);
process.once('SIGINT', () => {
  clearInterval(timer);
  void hub.close();
});
await publish();
