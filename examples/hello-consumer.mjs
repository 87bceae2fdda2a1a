/** Prints what arrives, and what was missed, until Ctrl-C: `node examples/hello-consumer.mjs 'sensors.#'` */
import { connect } from '@ringhub/client';

const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '' } = process.env;
const [pattern = '#'] = process.argv.slice(2);
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
if (!token) fail('RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here');

// The SDK would wait for ever for a hub; somebody at a terminal would rather be told.
const patience = setTimeout(() => fail(`no hub answers at ${RINGHUB_URL}: set RINGHUB_URL`), 5_000);
const hub = await connect(RINGHUB_URL, { token }).catch((error) => fail(String(error)));
clearTimeout(patience);
hub.addEventListener('state', ({ state }) => console.log(`(${state})`));
process.once('SIGINT', () => void hub.close());

const subscription = await hub
  .subscribe('amq.topic', pattern, { since: 'earliest' })
  .catch((error) => fail(String(error)));
console.log(`subscribed to ${pattern}`);

// Asking for the next event acknowledges the one before: what was not processed comes again.
for await (const event of subscription) {
  if (event.kind === 'message') console.log(event.routingKey, event.data);
  else if (event.kind === 'gap') console.log(`missed ${event.count ?? 'some'}: ${event.reason}`);
}
