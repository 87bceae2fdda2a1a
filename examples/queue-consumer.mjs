/** Takes jobs from the named queue `hello` until Ctrl-C; start several, they share: `node examples/queue-consumer.mjs` */
import { connect } from '@ringhub/client';
import { consume, declareQueue } from '@ringhub/client/queues';

const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '' } = process.env;
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
if (!token) fail('RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here');

const patience = setTimeout(() => fail(`no hub answers at ${RINGHUB_URL}: set RINGHUB_URL`), 5_000);
const hub = await connect(RINGHUB_URL, { token }).catch((error) => fail(String(error)));
clearTimeout(patience);
process.once('SIGINT', () => void hub.close());

await declareQueue(hub, 'hello', { durable: true }).catch((error) => fail(String(error)));
// `onLost`: if this process is killed, others get at once what it had not finished.
const jobs = await consume(hub, 'hello', { prefetch: 10, onLost: 'requeue' });
console.log('consuming hello');

// Asking for the next job acknowledges the one before.
for await (const job of jobs) console.log(job.data, `attempt ${job.attempt}`);
