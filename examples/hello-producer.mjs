/** Publishes a temperature every second until Ctrl-C: `node examples/hello-producer.mjs` */
import { connect } from '@ringhub/client';

const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '' } = process.env;
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

async function publish() {
  const celsius = Math.round(200 + 20 * Math.random()) / 10;
  try {
    // Resolves once the hub has it, however many connections that takes.
    const receipt = await hub.publish('amq.topic', 'sensors.kitchen.temperature', { celsius });
    console.log(`${celsius} °C, at offset ${receipt.position.offset}, for ${receipt.sessions} session(s)`);
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
