/** How requests come to the handler of an HTTP server, and which never do. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type HttpScene, MIB } from './http-scene.ts';

export function httpRequestsSuite(scene: HttpScene): void {
  const { ask, answerTo, textOf, get, raw, settled } = scene;

  describe('requests', () => {
    it('come with method, URL, headers, body and who sent them', async () => {
      scene.handle = async (asked, peer) =>
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
        url: `http://127.0.0.1:${scene.port}/a%20b/c?d=%C3%A9&e`,
        header: 'one, two',
        body: 'é🦀',
        peer: { address: '127.0.0.1', isSecure: false },
      });
    });

    it.each([
      ['a length', { 'Content-Length': String(5 * MIB) }],
      ['chunks', { 'Transfer-Encoding': 'chunked' }],
    ])('carry a large body of %s', async (_, headers) => {
      scene.handle = async (asked) => {
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
      scene.handle = async (asked) => {
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
      scene.handle = () => new Response('too much', { status: 413 });
      const asked = ask({ method: 'POST', headers: { 'Content-Length': String(64 * MIB) } });
      asked.write(Buffer.alloc(MIB));
      const answer = await answerTo(asked);
      expect([answer.statusCode, await textOf(answer)]).toEqual([413, 'too much']);
      asked.destroy();
      expect((await get()).statusCode).toBe(413);
    });

    it('that expect it are told to continue', async () => {
      scene.handle = async (asked) => new Response(await asked.text());
      const asked = ask({ method: 'POST', headers: { Expect: '100-continue', 'Content-Length': '4' } });
      asked.flushHeaders();
      await once(asked, 'continue');
      expect(await textOf(await answerTo(asked.end('body')))).toBe('body');
    });

    it('whose client goes away are aborted before they are answered', async () => {
      const asked = ask();
      const aborted = new Promise<void>((resolve) => {
        scene.handle = async ({ signal }) => {
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
        scene.handle = async (incoming) => {
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
      scene.handle = () => {
        calls += 1;
        return new Response();
      };
      // To what is no head uWS says nothing, and waits for 10 s.
      expect(await raw(text, text.startsWith('NONSENSE'))).toMatch(/^($|HTTP\/1\.1 400 )/);
      expect(calls).toBe(0);
    });
  });
}
