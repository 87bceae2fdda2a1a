/**
 * What everything that carries the HTTP app must do (server/src/http/http-server.ts), seen by clients that read
 * slowly, go away, or send nonsense.
 */
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HttpServer, ListenError } from '../../server/src/http/http-server.ts';
import type { Peer } from '../../server/src/ports/caller.ts';

const MIB = 1024 * 1024;
const GRACE_MS = 10_000;

export function httpServerSuite(name: string, setup: () => HttpServer): void {
  describe(`the ${name} HTTP server`, () => {
    let server: HttpServer;
    let port: number;
    let handle: (request: Request, peer: Peer) => Response | Promise<Response>;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });

    beforeEach(async () => {
      handle = () => new Response('ok');
      server = setup();
      server.serve({ fetch: (request, peer) => handle(request, peer) });
      port = await server.listen('127.0.0.1', 0);
    });

    afterEach(async () => {
      vi.restoreAllMocks();
      await server.close(0);
      agent.destroy();
    });

    const ask = (options: RequestOptions = {}): ClientRequest => {
      const asked = request({ host: '127.0.0.1', port, agent: false, ...options });
      asked.on('error', () => {});
      return asked;
    };
    const answerTo = async (asked: ClientRequest): Promise<IncomingMessage> => {
      const [answer] = await once(asked, 'response');
      return answer;
    };
    const textOf = async (answer: IncomingMessage): Promise<string> => {
      let text = '';
      for await (const chunk of answer.setEncoding('utf8')) text += chunk;
      return text;
    };
    const get = (options: RequestOptions = {}) => answerTo(ask(options).end());

    /** Sends raw bytes and gives all that comes back until the connection ends. */
    const raw = (text: string, end: boolean): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTcp(port, '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)));
        let answer = '';
        socket.on('data', (chunk) => {
          answer += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(answer));
      });

    /** Waits until `count` has not changed for a while: for what must *not* happen, there is no event. */
    const settled = async (count: () => number): Promise<number> => {
      for (let last = -1; last !== count(); ) {
        last = count();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return count();
    };

    /** A stream that a test feeds by hand. */
    const source = () => {
      let controller!: ReadableStreamDefaultController<Uint8Array>;
      let cancelled: () => void;
      const isCancelled = new Promise<void>((resolve) => {
        cancelled = resolve;
      });
      const stream = new ReadableStream<Uint8Array>({
        start: (c) => {
          controller = c;
        },
        cancel: () => cancelled(),
      });
      const say = (text: string) => controller.enqueue(new TextEncoder().encode(text));
      return {
        stream,
        say,
        end: () => controller.close(),
        fail: (e: Error) => controller.error(e),
        isCancelled,
      };
    };

    describe('requests', () => {
      it('come with method, URL, headers, body and who sent them', async () => {
        handle = async (asked, peer) =>
          Response.json({
            method: asked.method,
            url: asked.url,
            header: asked.headers.get('x-thing'),
            body: await asked.text(),
            peer,
          });
        const asked = ask({ method: 'PUT', path: '/a%20b/c?d=%C3%A9&e', headers: { 'X-Thing': 'one, two' } });
        expect(JSON.parse(await textOf(await answerTo(asked.end('é🦀'))))).toEqual({
          method: 'PUT',
          url: `http://127.0.0.1:${port}/a%20b/c?d=%C3%A9&e`,
          header: 'one, two',
          body: 'é🦀',
          peer: { address: '127.0.0.1', isSecure: false },
        });
      });

      it.each([
        ['a length', { 'Content-Length': String(5 * MIB) }],
        ['chunks', { 'Transfer-Encoding': 'chunked' }],
      ])('carry a large body of %s', async (_, headers) => {
        handle = async (asked) => {
          const bytes = new Uint8Array(await asked.arrayBuffer());
          return new Response(`${bytes.length} ${bytes.every((byte, i) => byte === (i >> 10) % 251)}`);
        };
        const body = Buffer.from(Uint8Array.from({ length: 5 * MIB }, (_, i) => (i >> 10) % 251));
        expect(await textOf(await answerTo(ask({ method: 'POST', headers }).end(body)))).toBe(
          `${5 * MIB} true`,
        );
      });

      it('are read no faster than the handler reads them', async () => {
        let read!: () => void;
        const mayRead = new Promise<void>((resolve) => {
          read = resolve;
        });
        handle = async (asked) => {
          await mayRead;
          let count = 0;
          for await (const chunk of asked.body as ReadableStream<Uint8Array>) count += chunk.length;
          return new Response(String(count));
        };
        const asked = ask({ method: 'POST' });
        const chunk = Buffer.alloc(MIB);
        let written = 0;
        const write = () => {
          while (written < 64 && asked.write(chunk, () => {})) written += 1;
          if (written >= 64) asked.end();
        };
        asked.on('drain', () => {
          written += 1;
          write();
        });
        write();
        const before = await settled(() => written);
        expect(before).toBeLessThan(32);
        read();
        expect(Number(await textOf(await answerTo(asked)))).toBeGreaterThanOrEqual(64 * MIB);
      });

      it('may be answered before their body has come, and the connection does not hang', async () => {
        handle = () => new Response('too much', { status: 413 });
        const asked = ask({ method: 'POST', headers: { 'Content-Length': String(64 * MIB) } });
        asked.write(Buffer.alloc(MIB));
        const answer = await answerTo(asked);
        expect([answer.statusCode, await textOf(answer)]).toEqual([413, 'too much']);
        asked.destroy();
        expect((await get()).statusCode).toBe(413);
      });

      it('that expect it are told to continue', async () => {
        handle = async (asked) => new Response(await asked.text());
        const asked = ask({ method: 'POST', headers: { Expect: '100-continue', 'Content-Length': '4' } });
        asked.flushHeaders();
        await once(asked, 'continue');
        expect(await textOf(await answerTo(asked.end('body')))).toBe('body');
      });

      it('whose client goes away are aborted before they are answered', async () => {
        const asked = ask();
        const aborted = new Promise<void>((resolve) => {
          handle = async ({ signal }) => {
            signal.addEventListener('abort', () => resolve());
            asked.destroy();
            return new Promise(() => {});
          };
        });
        asked.end();
        await aborted;
      });

      it('whose client goes away while it sends fail to be read', async () => {
        const asked = ask({ method: 'POST', headers: { 'Content-Length': '10' } });
        const failed = new Promise<unknown>((resolve) => {
          handle = async (incoming) => {
            asked.destroy();
            return incoming.text().then(
              () => new Response(),
              (error: unknown) => {
                resolve(error);
                return new Response();
              },
            );
          };
        });
        asked.write('half');
        expect(await failed).toBeInstanceOf(Error);
      });

      it.each([
        ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
        ['a host that reaches into the path', 'GET /x HTTP/1.1\r\nHost: a/b?\r\nConnection: close\r\n\r\n'],
        ['a host with a user', 'GET /x HTTP/1.1\r\nHost: b@a\r\nConnection: close\r\n\r\n'],
        ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy'],
        ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\nx'],
        [
          'a length and chunks',
          `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        ],
        ['a method that nobody knows', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['no head at all', 'NONSENSE\r\n\r\n'],
      ])('with %s never reach the handler', async (_, text) => {
        let calls = 0;
        handle = () => {
          calls += 1;
          return new Response();
        };
        // To what is no head uWS says nothing, and waits for 10 s.
        expect(await raw(text, text.startsWith('NONSENSE'))).toMatch(/^($|HTTP\/1\.1 400 )/);
        expect(calls).toBe(0);
      });
    });

    describe('answers', () => {
      it('carry status, headers and text', async () => {
        const headers = new Headers({ 'X-One': 'one', 'Content-Type': 'text/plain' });
        headers.append('Set-Cookie', 'a=1');
        headers.append('Set-Cookie', 'b=2');
        handle = () => new Response('é🦀', { status: 418, headers });
        const answer = await get();
        expect(answer.statusCode).toBe(418);
        expect(answer.headers).toMatchObject({
          'x-one': 'one',
          'content-type': 'text/plain',
          'content-length': '6',
          'set-cookie': ['a=1', 'b=2'],
          date: expect.any(String),
        });
        expect(Object.keys(answer.headers).join()).not.toMatch(/server|powered|uweb/i);
        expect(await textOf(answer)).toBe('é🦀');
      });

      it('come over one connection, one after another', async () => {
        const sockets = new Set<unknown>();
        for (let i = 0; i < 3; i++) {
          const asked = ask({ agent, method: 'POST' });
          asked.on('socket', (socket) => sockets.add(socket));
          handle = async (incoming) => new Response(`${i} ${await incoming.text()}`);
          expect(await textOf(await answerTo(asked.end('x')))).toBe(`${i} x`);
        }
        expect(sockets.size).toBe(1);
      });

      it.each([204, 304])('of status %i have no body and no length', async (status) => {
        handle = () => new Response(null, { status });
        const answer = await get({ agent });
        expect([answer.statusCode, await textOf(answer)]).toEqual([status, '']);
        expect(answer.headers['content-length'] ?? '0').toBe('0');
        expect((await get({ agent })).statusCode).toBe(status);
      });

      it('without a body end', async () => {
        handle = () => new Response(null);
        expect(await textOf(await get({ agent }))).toBe('');
        handle = () => new Response('');
        expect(await textOf(await get({ agent }))).toBe('');
      });

      it('to HEAD have none either, but may tell its length', async () => {
        handle = ({ method }) =>
          new Response(method === 'HEAD' ? null : 'body', { headers: { 'Content-Length': '4' } });
        const answer = await get({ method: 'HEAD', agent });
        expect([answer.headers['content-length'], await textOf(answer)]).toEqual(['4', '']);
        handle = () => new Response('body');
        expect(await textOf(await get({ method: 'HEAD', agent }))).toBe('');
        expect(await textOf(await get({ agent }))).toBe('body');
      });

      it('arrive piece by piece', async () => {
        const { stream, say, end } = source();
        handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        const pieces = answer.setEncoding('utf8')[Symbol.asyncIterator]();
        expect((await pieces.next()).value).toBe('one');
        say('two');
        expect((await pieces.next()).value).toBe('two');
        end();
        expect((await pieces.next()).done).toBe(true);
      });

      it('with a length of their own keep it, in pieces too', async () => {
        const { stream, say, end } = source();
        handle = () => new Response(stream, { headers: { 'Content-Length': '6' } });
        const arriving = get({ agent });
        say('one');
        const answer = await arriving;
        expect(answer.headers['content-length']).toBe('6');
        say('two');
        end();
        expect(await textOf(answer)).toBe('onetwo');
        handle = () => new Response('next');
        expect(await textOf(await get({ agent }))).toBe('next');
      });

      it('that fail on the way break the connection', async () => {
        const { stream, say, fail } = source();
        // The bridge of hono to node:http writes such faults there.
        vi.spyOn(console, 'error').mockImplementation(() => {});
        handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        const text = textOf(answer);
        fail(new Error('no more'));
        await expect(text).rejects.toThrow();
        handle = () => new Response('next');
        expect(await textOf(await get())).toBe('next');
      });

      it('of a handler that throws are 500, and the server goes on', async () => {
        handle = async () => {
          throw new Error('a fault');
        };
        expect((await get()).statusCode).toBe(500);
        handle = () => new Response('next');
        expect(await textOf(await get())).toBe('next');
      });

      it('are cancelled, and their request aborted, when the client goes away', async () => {
        const { stream, say, isCancelled } = source();
        let signal!: AbortSignal;
        handle = (asked) => {
          ({ signal } = asked);
          return new Response(stream);
        };
        const arriving = get();
        say('one');
        (await arriving).destroy();
        await isCancelled;
        expect(signal.aborted).toBe(true);
      });

      it('wait for a slow reader instead of filling memory, and lose nothing', async () => {
        const total = 32 * MIB;
        let produced = 0;
        const stream = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            if (produced >= total) return;
            controller.enqueue(new Uint8Array(64 * 1024).fill((produced >> 16) % 251));
            produced += 64 * 1024;
          },
        });
        handle = () => new Response(stream);
        const answer = await get();
        answer.pause();
        expect(await settled(() => produced)).toBeLessThan(total / 2);
        // The end stays open: all must come without anything after it.
        let got = 0;
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          for (let i = 0; i < chunk.length; i += 4096) {
            if (chunk[i] !== ((got + i) >> 16) % 251) throw new Error(`wrong at ${got + i}`);
          }
          got += chunk.length;
          if (got === total) break;
        }
        expect(got).toBe(total);
      });

      it('are written to the last byte, though nothing comes after it', async () => {
        let produced = 0;
        let isStalled = false;
        const stream = new ReadableStream<Uint8Array>(
          {
            pull: (controller) => {
              if (isStalled) return;
              controller.enqueue(new Uint8Array(16 * 1024));
              produced += 16 * 1024;
            },
          },
          { highWaterMark: 0 },
        );
        handle = () => new Response(stream);
        const answer = await get();
        answer.pause();
        await settled(() => produced);
        isStalled = true;
        let got = 0;
        for await (const chunk of answer) {
          got += chunk.length;
          if (got === produced) break;
        }
        expect(got).toBe(produced);
      });

      it('of one large piece reach a slow reader whole', async () => {
        handle = () => new Response(new Uint8Array(16 * MIB).fill(7));
        const answer = await get({ agent });
        expect(answer.headers['content-length'] ?? String(16 * MIB)).toBe(String(16 * MIB));
        answer.pause();
        await new Promise((resolve) => setTimeout(resolve, 100));
        let got = 0;
        for await (const chunk of answer) got += chunk.length;
        expect(got).toBe(16 * MIB);
        handle = () => new Response('next');
        expect(await textOf(await get({ agent }))).toBe('next');
      });
    });

    describe('when it closes', () => {
      it('lets what is being answered end, and takes no more', async () => {
        const { stream, say, end } = source();
        handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        let isClosed = false;
        const closing = server.close(GRACE_MS).then(() => {
          isClosed = true;
        });
        await expect(once(ask().end(), 'response')).rejects.toThrow();
        expect(isClosed).toBe(false);
        say('two');
        end();
        expect(await textOf(answer)).toBe('onetwo');
        await closing;
      });

      it('drops what takes longer than it may, and connections that are idle', async () => {
        const { stream, say } = source();
        await textOf(await get({ agent }));
        const [idle] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
        const idleEnded = idle && once(idle, 'close');
        handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        const text = textOf(answer);
        const [broken] = await Promise.allSettled([text, server.close(20)]);
        expect(broken.status).toBe('rejected');
        await idleEnded;
      });

      it('may not even have listened', async () => {
        const other = setup();
        other.serve({ fetch: () => new Response() });
        await other.close(0);
      });
    });

    it('says what to do about a port in use', async () => {
      // A port that is asked for, too, is not shared: not even among servers of one kind.
      await server.close(0);
      server = setup();
      await server.listen('127.0.0.1', port);
      const other = setup();
      const error = await other.listen('127.0.0.1', port).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ListenError);
      expect((error as Error).message).toMatch(/^port \d+ on 127\.0\.0\.1 is in use: .*--port/);
      await other.close(0);
    });
  });
}
