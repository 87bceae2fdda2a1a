/**
 * Bounds of sockets, heads and bodies exactly at their edge: n is taken, n + 1 is not, on both transports. Those that only one
 * transport keeps are seen to be kept there, and not to hold back anybody on the other (PROTOCOL §15).
 */
import { ERRORS } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { clientFrame, closeCodeOf, handshakeHead } from '../contract/raw-handshake.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { RawClient } from './raw-client.ts';

const HEAD = 2_000;
const BODY = 1_000;
const PIECES = 5;
const SOCKETS = 4;

let hub: RunningHub;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await hub.close();
});

const connect = (): RawClient => {
  const client = new RawClient(hub.port);
  clients.push(client);
  return client;
};

async function statusOf(...parts: string[]): Promise<string | undefined> {
  const client = connect();
  for (const part of parts) client.send(part);
  await client.answered();
  return client.status;
}

/** The same head with one more field, so that its fields take so many bytes together. */
function filledTo(bytes: number, head: string): string {
  const fields = head.slice(head.indexOf('\r\n') + 2, -2);
  const filler = `x: ${'y'.repeat(bytes - fields.length - 'x: \r\n'.length)}\r\n`;
  return `${head.slice(0, -2)}${filler}\r\n`;
}

describe.each(transportsHere)('over %s', (transport) => {
  const start = async (options: StartHubOptions = {}): Promise<void> => {
    hub = await startHub({ transport, ...options });
  };

  it(`the fields of a head take ${HEAD} bytes, and not one more: of a request, and of a handshake`, async () => {
    await start({ limits: { maxHeaderBytes: HEAD } });
    const get = 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
    const handshake = handshakeHead(hub.port);
    expect(await statusOf(filledTo(HEAD, get))).toBe('200');
    expect(await statusOf(filledTo(HEAD + 1, get))).toBe('431');
    expect(await statusOf(filledTo(HEAD, handshake))).toBe('101');
    expect(await statusOf(filledTo(HEAD + 1, handshake))).toBe('431');
  });

  it(`a body takes ${BODY} bytes, and not one more, with a length or in chunks`, async () => {
    await start({ maxBodyBytes: BODY });
    const post = (fields: string): string =>
      `POST /v1/publish?key=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${hub.token}\r\n${fields}\r\n\r\n`;
    const whole = (bytes: number) => statusOf(post(`Content-Length: ${bytes}`), 'x'.repeat(bytes));
    const chunked = (bytes: number) =>
      statusOf(
        post('Transfer-Encoding: chunked'),
        `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`,
      );
    expect([await whole(BODY), await chunked(BODY)]).toEqual(['200', '200']);
    expect([await whole(BODY + 1), await chunked(BODY + 1)]).toEqual(['413', '413']);
  });

  it(`a message has ${PIECES} pieces, and not one more`, async () => {
    await start({ limits: { maxFragments: PIECES } });
    const said = async (pieces: number): Promise<Buffer> => {
      const text = Buffer.from(`["hello",{"version":1,"token":"${hub.token}"}]`);
      const client = connect().send(handshakeHead(hub.port));
      await client.answered();
      const head = client.received.length;
      for (let i = 0; i < pieces; i++) {
        const part = text.subarray(i, i === pieces - 1 ? undefined : i + 1);
        client.send(clientFrame(i === 0 ? 1 : 0, part, i === pieces - 1));
      }
      await client.until(() => client.received.length > head);
      return client.received;
    };
    expect((await said(PIECES)).includes('["welcome"')).toBe(true);
    const more = await said(PIECES + 1);
    // uWebSockets.js joins pieces as they come, and counts their bytes.
    if (transport === 'uws') expect(more.includes('["welcome"')).toBe(true);
    else expect(closeCodeOf(more)).toBe(ERRORS['frame-too-large'].code);
  });

  it(`a peer has ${SOCKETS} TCP connections, and not one more, whatever they say; one that ends makes room`, async () => {
    await start({ limits: { maxSocketsPerAddress: SOCKETS } });
    const isAnswered = (client: RawClient) =>
      client.send('GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n').answered();
    const first = Array.from({ length: SOCKETS }, connect);
    // Answered, so that they were taken before the next; three then stay silent, one is a WebSocket.
    for (const client of first.slice(1)) await isAnswered(client);
    first[0]!.send(handshakeHead(hub.port));
    await first[0]!.answered();
    const more = connect();
    await isAnswered(more);
    // uWebSockets.js does not say that somebody has connected.
    expect(more.status).toBe(transport === 'uws' ? '200' : undefined);
    expect(more.isClosed).toBe(transport !== 'uws');
    first[1]!.socket.destroy();
    let again = connect();
    await isAnswered(again);
    // The hub learns of the end in its own time.
    while (again.isClosed) {
      again = connect();
      await isAnswered(again);
    }
    expect(again.status).toBe('200');
  });

  it('a trusted proxy has as many TCP connections as it brings', async () => {
    await start({
      limits: { maxSocketsPerAddress: 1 },
      proxy: { trusted: ['127.0.0.1'] },
    });
    const statuses = [];
    for (let i = 0; i < SOCKETS; i++)
      statuses.push(await statusOf('GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'));
    expect(statuses).toEqual(Array(SOCKETS).fill('200'));
  });
});
