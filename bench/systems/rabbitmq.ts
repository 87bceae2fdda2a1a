/**
 * RabbitMQ over Web STOMP: each subscription is a queue of its own, bound to `amq.topic`; where acks are asked for, each message
 * is acknowledged (`client-individual`).
 */
import { realpathSync } from 'node:fs';
import { findRabbitmq } from '../../scripts/rabbitmq.mjs';
import type { Tally } from '../load/tally.ts';
import { LoadSockets } from '../load/web-socket.ts';
import { onServerCore } from '../support/cores.ts';
import { freePorts } from '../support/free-ports.ts';
import { RabbitmqServer } from '../support/rabbitmq-server.ts';
import { StompPeer } from './stomp-peer.ts';
import type { Ability, RunningSystem, System } from './system.ts';

export class RabbitmqWebStomp implements System {
  readonly name = 'rabbitmq';
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks']);

  missing(): string | undefined {
    return findRabbitmq() ? undefined : 'apt-get install rabbitmq-server';
  }

  /** The folder that its program is in says it, and asking the program would start an Erlang. */
  version(): string | undefined {
    const program = findRabbitmq();
    return program && /rabbitmq_server-([\d.]+)/.exec(realpathSync(program))?.[1];
  }

  async start(): Promise<RunningSystem> {
    const [port, plain] = (await freePorts(2)) as [number, number];
    // Cowboy ends connections that say nothing for a minute.
    const server = await RabbitmqServer.start({
      plugins: ['rabbitmq_web_stomp'],
      config: `web_stomp.ws_opts.idle_timeout = 3600000
web_stomp.cowboy_opts.idle_timeout = 3600000
web_stomp.tcp.listener = 127.0.0.1:${port}
stomp.listeners.tcp.1 = 127.0.0.1:${plain}
log.connection.level = error
`,
      command: onServerCore,
    });
    const sockets = new LoadSockets();
    return {
      pid: server.pid,
      connect: async (tally: Tally, acks: boolean) => {
        const socket = await sockets.open({ port, path: '/ws', subprotocol: 'v12.stomp' });
        const peer = new StompPeer(socket, tally, acks);
        await peer.connect();
        return peer;
      },
      stop: () => {
        sockets.closeAll();
        return server.stop();
      },
    };
  }
}
