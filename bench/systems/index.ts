/** All systems that can be compared. */
import { Limit } from './limits.ts';
import { Mosquitto } from './mosquitto.ts';
import { Nats } from './nats.ts';
import { RabbitmqWebStomp } from './rabbitmq.ts';
import { Ringhub } from './ringhub.ts';
import { SocketIo } from './socketio.ts';
import type { System } from './system.ts';

/** @param profileDir where Ringhub's process leaves a CPU profile of each run */
export function allSystems(profileDir?: string): readonly System[] {
  const options = profileDir === undefined ? {} : { profileDir };
  return [
    new Limit('limit-uws', 'uWebSockets.js', 'bench/systems/limit-uws-server.ts'),
    new Limit('limit-ws', 'ws', 'bench/systems/limit-ws-server.ts'),
    new Ringhub('uws', 'binary', options),
    new Ringhub('uws', 'json', options),
    new Ringhub('ws', 'binary', options),
    new Ringhub('ws', 'json', options),
    new SocketIo(),
    new Nats(),
    new Mosquitto(),
    new RabbitmqWebStomp(),
  ];
}
