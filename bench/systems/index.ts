/** All systems that can be compared. */
import { Limit } from './limits.ts';
import { Mosquitto } from './mosquitto.ts';
import { Nats } from './nats.ts';
import { RabbitmqWebStomp } from './rabbitmq.ts';
import { Ringhub } from './ringhub.ts';
import { SocketIo } from './socketio.ts';
import type { System } from './system.ts';

/** @param profileDir where Ringhub's process leaves a CPU profile of each run */
export const allSystems = (profileDir?: string): readonly System[] => [
  new Limit('limit-uws', 'uWebSockets.js', 'bench/systems/limit-uws-server.ts'),
  new Limit('limit-ws', 'ws', 'bench/systems/limit-ws-server.ts'),
  new Ringhub('uws', 'binary', profileDir),
  new Ringhub('uws', 'json', profileDir),
  new Ringhub('ws', 'binary', profileDir),
  new Ringhub('ws', 'json', profileDir),
  new SocketIo(),
  new Nats(),
  new Mosquitto(),
  new RabbitmqWebStomp(),
];
