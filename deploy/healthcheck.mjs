/**
 * Ends with 0 where the hub in this container is alive. Asks by the settings in the environment: RINGHUB_PORT, and https
 * where RINGHUB_TLS__CERT_FILE is set. The certificate is not checked: it is for the hub's public name, not for 127.0.0.1.
 */
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';

const { RINGHUB_PORT: port = '8080', RINGHUB_TLS__CERT_FILE: certFile } = process.env;
const TIMEOUT_MS = 2_000;

const ask = certFile ? secure : plain;
const asked = ask(
  { host: '127.0.0.1', port, path: '/livez', timeout: TIMEOUT_MS, rejectUnauthorized: false },
  (answer) => process.exit(answer.statusCode === 200 ? 0 : 1),
);
const fail = (why) => {
  console.error(`no hub answers on port ${port}: ${why}`);
  process.exit(1);
};
asked.on('timeout', () => fail('it takes too long'));
asked.on('error', ({ message }) => fail(message));
asked.end();
