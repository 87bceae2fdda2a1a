/** Handshakes and frames as bytes, for what no client library would send. */
import { connect as connectTcp } from 'node:net';
import { SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';

/** A handshake's head; `''` leaves a header out. */
export function handshakeHead(
  port: number,
  lines: Readonly<Record<string, string>> = {},
  path: string = WEBSOCKET_PATH,
): string {
  const headers = {
    Host: `127.0.0.1:${port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': SUBPROTOCOL_JSON,
    ...lines,
  };
  const fields = Object.entries(headers).filter(([, value]) => value !== '');
  return `GET ${path} HTTP/1.1\r\n${fields.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
}

/** Sends a head and, once it is answered, raw bytes; gives all that comes back until the hub ends the connection. */
export const exchange = (port: number, head: string, ...parts: Uint8Array[]): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.once('data', () => {
      for (const part of parts) socket.write(part);
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks)));
    socket.write(head);
  });

/** A masked client frame with a mask of zeros. */
export const clientFrame = (opcode: number, payload: Uint8Array, fin = true): Uint8Array =>
  Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | opcode]),
    maskedLength(payload.length),
    Buffer.alloc(4),
    payload,
  ]);

/** The length of a masked frame in as few bytes as it takes (RFC 6455 §5.2). */
function maskedLength(bytes: number): Uint8Array {
  if (bytes < 126) return Buffer.from([0x80 | bytes]);
  const isShort = bytes < 0x1_0000;
  const field = Buffer.alloc(isShort ? 3 : 9);
  field[0] = 0x80 | (isShort ? 126 : 127);
  field.writeUIntBE(bytes, isShort ? 1 : 3, isShort ? 2 : 6);
  return field;
}

/** The close code in the first frame of what came back after the handshake's answer. */
export function closeCodeOf(bytes: Buffer): number | undefined {
  const frames = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  return frames[0] === 0x88 ? frames.readUInt16BE(2) : undefined;
}
