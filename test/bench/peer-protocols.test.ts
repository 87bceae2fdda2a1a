/** Clients of the peers, against bytes as their servers write them. */
import { describe, expect, it } from 'vitest';
import { stampedMessage, Tally } from '../../bench/load/tally.ts';
import type { LoadSocket } from '../../bench/load/web-socket.ts';
import { MqttPeer, topicFilterOf } from '../../bench/systems/mqtt-peer.ts';
import { subjectOf } from '../../bench/systems/nats.ts';
import { StompPeer } from '../../bench/systems/stomp-peer.ts';

/** Only what a peer uses of a socket: what it sends, and a frame that comes. */
class FakeSocket {
  readonly sent: Buffer[] = [];
  onFrame: LoadSocket['onFrame'] = () => {};
  sendText = (payload: Buffer): void => void this.sent.push(payload);
  sendBinary = (payload: Buffer): void => void this.sent.push(payload);

  comes(...parts: (string | Buffer)[]): void {
    const frame = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    // As in the client's shared buffer, it does not begin at the beginning.
    const bytes = Buffer.concat([Buffer.from('##'), frame, Buffer.from('##')]);
    this.onFrame(bytes, 2, bytes.length - 2);
  }

  get socket(): LoadSocket {
    return this as unknown as LoadSocket;
  }
}

it('translates patterns', () => {
  expect(['s1.#', 's1.*.m', 'a.b', '#'].map(subjectOf)).toEqual(['s1.>', 's1.*.m', 'a.b', '>']);
  expect(['s1.#', 's1.*.m', 'a.b', '#'].map(topicFilterOf)).toEqual(['s1/#', 's1/+/m', 'a/b', '#']);
});

describe('MQTT', () => {
  const publish = (id: number, message: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x32, 7 + message.length, 0, 3]),
      Buffer.from('a/b'),
      Buffer.from([id >> 8, id & 0xff]),
      Buffer.from(message),
    ]);

  it('acknowledges each message of QoS 1 by its number, several in a frame', () => {
    const [fake, tally] = [new FakeSocket(), new Tally()];
    new MqttPeer(fake.socket, tally, 1);
    fake.comes(publish(1, stampedMessage(20)), publish(0x0203, stampedMessage(20)));
    expect(tally.deliveries).toBe(2);
    expect(fake.sent).toEqual([Buffer.from([0x40, 2, 0, 1]), Buffer.from([0x40, 2, 2, 3])]);
  });

  it('goes on with a packet that is cut into frames', () => {
    const [fake, tally] = [new FakeSocket(), new Tally()];
    new MqttPeer(fake.socket, tally, 1);
    const whole = publish(9, stampedMessage(60));
    fake.comes(whole.subarray(0, 40));
    fake.comes(whole.subarray(40), publish(10, stampedMessage(20)));
    expect(tally.deliveries).toBe(2);
    expect(fake.sent.map((ack) => ack[3])).toEqual([9, 10]);
  });

  it('does not acknowledge QoS 0', () => {
    const [fake, tally] = [new FakeSocket(), new Tally()];
    new MqttPeer(fake.socket, tally, 0);
    fake.comes(Buffer.from([0x30, 25, 0, 3]), 'a/b', stampedMessage(20));
    expect([tally.deliveries, fake.sent]).toEqual([1, []]);
  });

  it('writes lengths over 127 in two bytes', () => {
    const fake = new FakeSocket();
    new MqttPeer(fake.socket, new Tally(), 0).publish('a.b', 'x'.repeat(200));
    expect([...fake.sent[0]!.subarray(0, 8)]).toEqual([0x30, 0xcd, 0x01, 0, 3, 0x61, 0x2f, 0x62]);
    expect(fake.sent[0]).toHaveLength(3 + 5 + 200);
  });

  it('resolves a connect, and a subscribe, with its answer', async () => {
    const fake = new FakeSocket();
    const peer = new MqttPeer(fake.socket, new Tally(), 0);
    const connected = peer.connect('one');
    fake.comes(Buffer.from([0x20, 2, 0, 0]));
    await connected;
    const subscribed = peer.subscribe(['a.*']);
    expect(fake.sent[1]).toEqual(Buffer.from([0x82, 8, 0, 1, 0, 3, 0x61, 0x2f, 0x2b, 0]));
    fake.comes(Buffer.from([0x90, 3, 0, 1, 0]));
    await subscribed;
  });
});

describe('STOMP', () => {
  const message = (id: string): string =>
    `MESSAGE\nsubscription:0\ndestination:/exchange/amq.topic/a\nmessage-id:${id}\nack:${id}\n\n${stampedMessage(20)}\0`;

  it('counts messages, not the marks of their headers, and acknowledges each by its own', () => {
    const [fake, tally] = [new FakeSocket(), new Tally()];
    new StompPeer(fake.socket, tally, true);
    fake.comes(message('T_0@@session-x@@1'));
    fake.comes('\n');
    fake.comes(message('T_0@@session-x@@2'));
    expect(tally.deliveries).toBe(2);
    expect(tally.latency.maxUs).toBeLessThan(60e6);
    expect(fake.sent.map(String)).toEqual([
      'ACK\nid:T_0@@session-x@@1\n\n\0',
      'ACK\nid:T_0@@session-x@@2\n\n\0',
    ]);
  });

  it('is subscribed once every receipt has come', async () => {
    const fake = new FakeSocket();
    const subscribed = new StompPeer(fake.socket, new Tally(), false).subscribe(['a', 'b.#']);
    expect(fake.sent.map(String)[1]).toBe(
      'SUBSCRIBE\nid:1\ndestination:/exchange/amq.topic/b.#\nack:auto\nreceipt:1\n\n\0',
    );
    fake.comes('RECEIPT\nreceipt-id:0\n\n\0');
    fake.comes('RECEIPT\nreceipt-id:1\n\n\0');
    await subscribed;
  });

  it('does not go on after an error', () => {
    const fake = new FakeSocket();
    new StompPeer(fake.socket, new Tally(), false);
    expect(() => fake.comes('ERROR\nmessage:Bad CONNECT\n\n\0')).toThrow('Bad CONNECT');
  });
});
