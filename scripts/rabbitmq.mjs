/** Where RabbitMQ is, for the tests that hold the hub against one. */

import { existsSync } from 'node:fs';

/** Not the one in /usr/sbin, which wants to be root or `rabbitmq`, and to use the machine's own data. */
const PLACES = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/rabbitmq/sbin/rabbitmq-server'];

/** @returns {string | undefined} the program: RABBITMQ_SERVER, or where packages put it. */
export function findRabbitmq() {
  const chosen = process.env.RABBITMQ_SERVER;
  return (chosen ? [chosen] : PLACES).find((path) => existsSync(path));
}
