/**
 * One service of the shop, as a program: `RINGHUB_TOKEN=… node order-worker.js stock|payment|mail url`. The hub of a demo
 * starts three of them; any number may run, on any machine: those of one service share its queue.
 */
import { connect } from '@ringhub/client';
import { CONTROL, type Messages, openShop, SERVICES } from '../../shared/shop.ts';
import { Service } from './service.ts';

// Whoever started it is gone, killed perhaps: there is nothing to finish, what is in hand goes back to its queue.
process.on('disconnect', () => process.exit(0));
// It may have gone while this program was being loaded. By hand there is no channel, and nothing to go with.
if (process.connected === false) process.exit(0);
// Ctrl-C reaches all processes of a terminal; this one ends with the one that started it.
if (process.connected) process.on('SIGINT', () => {});

const [name, url = 'ws://127.0.0.1:8080/v1/ws', start = '1'] = process.argv.slice(2);
const plan = SERVICES.find((service) => service.name === name);
const token = process.env.RINGHUB_TOKEN;
if (!plan || !token) {
  console.error(`usage: RINGHUB_TOKEN=… order-worker ${SERVICES.map((one) => one.name).join('|')} [url]`);
  process.exit(2);
}

const hub = await connect<Messages>(url, { client: `${plan.name} worker`, token });
await openShop(hub);
const service = new Service(hub, plan, { pid: process.pid, hubPid: process.ppid, start: Number(start) });
hub.addEventListener('state', ({ state, resumed }) => {
  if (state === 'online' && !resumed) service.tell();
});
// A demo obeys whoever asks; the point is that no order suffers from it.
await hub.subscribe(CONTROL, plan.name, { ack: 'none' }, (event) => {
  if (event.kind === 'message' && event.data.pid === process.pid) process.kill(process.pid, 'SIGKILL');
});
await service.run();
