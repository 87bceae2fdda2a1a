/**
 * The same bytes to a hub however TCP cuts them: byte by byte, and in two at every place. The answers are the same.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';

const MASK = Buffer.from([1, 2, 3, 4]);

/** One masked text message of a client, shorter than 64 KiB. */
function clientMessage(text: string): Buffer {
  const payload = Buffer.from(text);
  const masked = Buffer.from(payload.map((byte, i) => byte ^ MASK[i % 4]!));
  const header =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([header, MASK, masked]);
}

/** The text of the messages a hub sent, without the handshake; each is unmasked and of known length. */
function hubLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at >= 4 && at + 2 <= bytes.length) {
    let length = bytes[at + 1]! & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    }
    if (start + length > bytes.length) break;
    if ((bytes[at]! & 0x0f) === 1) lines.push(...bytes.toString('utf8', start, start + length).split('\n'));
    at = start + length;
  }
  return lines;
}

let hub: RunningHub;
let request: Buffer;
let headLength: number;

async function start(transport: 'ws' | 'uws'): Promise<void> {
  hub = await startHub({ transport });
  const upgrade = [
    'GET /v1/ws HTTP/1.1',
    `Host: 127.0.0.1:${hub.port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: ringhub.v1.json',
    '\r\n',
  ].join('\r\n');
  headLength = Buffer.byteLength(upgrade);
  request = Buffer.concat([
    Buffer.from(upgrade),
    clientMessage(`["hello",{"version":1,"token":"${hub.token}"}]`),
    clientMessage('["subscribe",1,{"bindings":[["amq.topic","split.#"]]}]'),
    clientMessage('["publish",1,"amq.topic","split.ü","é"]\n["publish",2,"amq.topic","none","x"]\n["ping"]'),
  ]);
}

afterEach(async () => hub.close());

/** Cuts at these places, and for those who need it at the end of the head. */
function cut(transport: 'ws' | 'uws', ...places: number[]): Buffer[] {
  // RFC 6455 §4.1 has clients wait for the answer to their handshake; uWebSockets.js relies on it.
  const all = new Set(transport === 'uws' ? [...places, headLength] : places);
  const sorted = [0, ...[...all].sort((a, b) => a - b), request.length];
  return sorted.slice(1).map((end, i) => request.subarray(sorted[i], end));
}

/**
 * Sends the request in pieces, each once the one before is on its way, and after a whole head once it is answered;
 * resolves with the answers' lines.
 */
async function answersTo(pieces: readonly Buffer[]): Promise<string[]> {
  const socket: Socket = connect(hub.port, '127.0.0.1');
  socket.setNoDelay(true);
  let received = Buffer.alloc(0);
  const answered = new Promise<string[]>((resolve, reject) => {
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      const lines = hubLines(received);
      if (lines.some((line) => line.startsWith('["deliver"')) && lines.includes('["pong"]')) resolve(lines);
    });
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(hubLines(received))}`)));
    socket.on('error', reject);
  });
  answered.catch(() => {});
  let sent = 0;
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) =>
      socket.write(piece, (error) => (error ? reject(error) : resolve())),
    );
    sent += piece.length;
    if (sent === headLength) await Promise.race([once(socket, 'data'), answered]);
  }
  const lines = await answered;
  socket.destroy();
  return lines;
}

/** What two runs have in common: without ids, epochs, offsets and times. */
const shapes = (lines: readonly string[]): string[] =>
  lines
    .map((line) => JSON.parse(line) as unknown[])
    .map(([type, ...rest]) => {
      if (type === 'deliver')
        return JSON.stringify([type, rest[1], (rest[2] as unknown[][])[0]!.slice(0, 4)]);
      if (type === 'confirm')
        return JSON.stringify([type, (rest[0] as number[][]).map((run) => run.slice(0, 2))]);
      return String(type);
    })
    .sort();

test.each(transportsHere)('whole, byte by byte, and in two at every place, over %s', async (transport) => {
  await start(transport);
  const whole = shapes(await answersTo(cut(transport)));
  expect(whole).toEqual([
    '["confirm",[[1,1],[2,1]]]',
    '["deliver",1,["amq.topic","split.ü","é","text/plain"]]',
    'ok',
    'pong',
    'welcome',
  ]);
  const places = Array.from(request.subarray(1), (_, i) => i + 1);
  expect(shapes(await answersTo(cut(transport, ...places)))).toEqual(whole);
  for (const at of places) {
    expect(shapes(await answersTo(cut(transport, at))), `split at ${at}`).toEqual(whole);
  }
});
