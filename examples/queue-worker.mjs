/**
 * A worker that sends mails: what fails is tried again, later each time; what cannot work becomes a dead letter.
 * Give it mails to queue first: `node examples/queue-worker.mjs ada@ok.example bob@busy.example eve@down.example nobody`
 */
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

/** Stands for a mail server: one does not answer, one is busy at first. */
function send(to, attempt) {
  if (to.endsWith('@down.example')) throw new Error('no answer');
  if (to.endsWith('@busy.example') && attempt < 3) throw new Error('busy');
}

try {
  await declareQueue(hub, 'mails.dead', { durable: true });
  await declareQueue(hub, 'mails', {
    durable: true,
    // Waits 100 ms, 200 ms, 400 ms, ± 20 %; the fourth failure is the end.
    retry: { delayMs: 100, maxDelayMs: 10_000 },
    deliveryLimit: 3,
    // The default exchange leads to the queue that the key names.
    deadLetterExchange: '',
    deadLetterKey: 'mails.dead',
  });
  for (const to of process.argv.slice(2)) await hub.publish('', 'mails', { to });

  await consume(hub, 'mails', { ack: 'manual', prefetch: 5, onLost: 'requeue' }, (mail) => {
    const { to } = /** @type {{ to: string }} */ (mail.data);
    if (!to.includes('@')) return mail.reject(); // No attempt can ever work.
    try {
      send(to, mail.attempt);
      mail.ack();
      console.log(`sent to ${to} at attempt ${mail.attempt}`);
    } catch (error) {
      mail.nack();
      console.log(`attempt ${mail.attempt} for ${to} failed: ${error}`);
    }
  });

  await consume(hub, 'mails.dead', {}, ({ data, xDeath: [death] }) => {
    console.log('given up on', data, `${death?.reason} in ${death?.queue}`);
  });
  console.log('working');
} catch (error) {
  fail(String(error));
}
