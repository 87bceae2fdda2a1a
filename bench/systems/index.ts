/** All systems that can be compared. */
import { Limit } from './limits.ts';
import { Ringhub } from './ringhub.ts';
import type { System } from './system.ts';

export const SYSTEMS: readonly System[] = [
  new Limit('limit-uws', 'uWebSockets.js', 'bench/systems/limit-uws-server.ts'),
  new Limit('limit-ws', 'ws', 'bench/systems/limit-ws-server.ts'),
  new Ringhub('uws', 'binary'),
  new Ringhub('uws', 'json'),
  new Ringhub('ws', 'binary'),
  new Ringhub('ws', 'json'),
];
