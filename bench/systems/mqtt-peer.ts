/** A client of MQTT 3.1.1, of as many bytes as load needs: its packets are read where they lie in frames. */
import type { Tally } from '../load/tally.ts';
import type { LoadSocket } from '../load/web-socket.ts';
import type { Peer } from './system.ts';

const PACKET = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;
const REFUSED = 0x80;
const MAX_PACKET_ID = 65_535;

export class MqttPeer implements Peer {
  readonly room = Number.POSITIVE_INFINITY;
  private packetId = 0;
  private onAnswered = (): void => {};
  /** Bytes of a packet whose end is in frames to come. */
  private rest = 0;

  constructor(
    private readonly socket: LoadSocket,
    private readonly tally: Tally,
    private readonly qos: 0 | 1,
  ) {
    socket.onFrame = (bytes, start, end) => this.read(bytes, start, end);
  }

  get reads(): number {
    return this.socket.reads;
  }

  /** @param clientId must not be in use */
  connect(clientId: string): Promise<void> {
    const cleanSession = 2;
    const head = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, cleanSession, 0, 0]);
    return this.asked(0x10, Buffer.concat([head, mqttString(clientId)]));
  }

  subscribe(patterns: readonly string[]): Promise<void> {
    const topics = patterns.flatMap((pattern) => [
      mqttString(topicFilterOf(pattern)),
      Buffer.from([this.qos]),
    ]);
    return this.asked(0x82, Buffer.concat([Buffer.from([0, 1]), ...topics]));
  }

  publish(key: string, message: string): void {
    this.packetId = (this.packetId % MAX_PACKET_ID) + 1;
    const topic = mqttString(topicOf(key));
    const id = this.qos === 0 ? [] : [this.packetId >> 8, this.packetId & 0xff];
    const body = Buffer.concat([topic, Buffer.from(id), Buffer.from(message, 'latin1')]);
    this.socket.sendBinary(packet(0x30 | (this.qos << 1), body));
  }

  close(): void {
    this.socket.destroy();
  }

  private asked(first: number, body: Buffer): Promise<void> {
    this.socket.sendBinary(packet(first, body));
    return new Promise((resolve) => {
      this.onAnswered = resolve;
    });
  }

  private read(bytes: Buffer, start: number, end: number): void {
    this.tally.tookMarked(bytes, start, end);
    let at = start + this.rest;
    while (at < end) {
      // Of a packet in several frames, the head is in the first: servers cut payloads, if anything.
      let length = 0;
      let body = at + 1;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[body++]!;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      this.readPacket(bytes, at, body);
      at = body + length;
    }
    this.rest = at - end;
  }

  private readPacket(bytes: Buffer, first: number, body: number): void {
    switch (bytes[first]! >> 4) {
      case PACKET.publish: {
        if ((bytes[first]! & 0x06) === 0) return;
        const id = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
        this.socket.sendBinary(Buffer.from([PACKET.puback << 4, 2, bytes[id]!, bytes[id + 1]!]));
        return;
      }
      case PACKET.connack:
        if (bytes[body + 1] !== 0) throw new Error(`MQTT connect refused: ${bytes[body + 1]}`);
        this.onAnswered();
        return;
      case PACKET.suback:
        if (bytes[body + 2]! >= REFUSED) throw new Error('MQTT subscribe refused');
        this.onAnswered();
    }
  }
}

const topicOf = (key: string): string => key.replaceAll('.', '/');

/** `#`, which stands last, means the same. */
export const topicFilterOf = (pattern: string): string =>
  topicOf(pattern)
    .split('/')
    .map((word) => (word === '*' ? '+' : word))
    .join('/');

const mqttString = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

function packet(first: number, body: Buffer): Buffer {
  const head = [first];
  let left = body.length;
  do {
    const more = left > 0x7f ? 0x80 : 0;
    head.push((left & 0x7f) | more);
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from(head), body]);
}
