/**
 * mosquitto and MQTT 3.1.1 over its own websocket listener: QoS 0, and where acks are asked for QoS 1, in which each message
 * is acknowledged. Its bounds are taken off, as they drop (QoS 0) or hold back (QoS 1) what a closed loop has under way.
 */
import type { Tally } from '../load/tally.ts';
import { LoadSockets } from '../load/web-socket.ts';
import { freePorts } from '../support/free-ports.ts';
import { MqttPeer } from './mqtt-peer.ts';
import { missingProgram, startNative, versionOf } from './native-server.ts';
import type { Ability, RunningSystem, System } from './system.ts';

export class Mosquitto implements System {
  readonly name = 'mosquitto';
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks']);

  missing(): string | undefined {
    return missingProgram('mosquitto', 'mosquitto');
  }

  version(): string | undefined {
    return versionOf('mosquitto', '-h');
  }

  async start(ability: Ability): Promise<RunningSystem> {
    const [port, plain] = (await freePorts(2)) as [number, number];
    // With websocket listeners alone 2.0.11 does not start.
    const config = `allow_anonymous true
persistence false
log_type error
sys_interval 0
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
listener ${plain} 127.0.0.1
listener ${port} 127.0.0.1
protocol websockets
`;
    const server = await startNative('mosquitto', port, config, (file) => ['-c', file]);
    const sockets = new LoadSockets();
    const qos = ability === 'acks' ? 1 : 0;
    let clients = 0;
    return {
      pid: server.pid,
      connect: async (tally: Tally) => {
        const socket = await sockets.open({ port, path: '/mqtt', subprotocol: 'mqtt' });
        const peer = new MqttPeer(socket, tally, qos);
        await peer.connect(`bench-${++clients}`);
        return peer;
      },
      stop: () => {
        sockets.closeAll();
        return server.stop();
      },
    };
  }
}
