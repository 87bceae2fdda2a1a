/** How answers come to clients of an HTTP server, fast ones and slow ones. */
import { describe, expect, it, vi } from 'vitest';
import { type HttpScene, MIB } from './http-scene.ts';

export function httpAnswersSuite(scene: HttpScene): void {
  const { agent, ask, answerTo, textOf, get, settled, source } = scene;

  describe('answers', () => {
    it('carry status, headers and text', async () => {
      const headers = new Headers({ 'X-One': 'one', 'Content-Type': 'text/plain' });
      headers.append('Set-Cookie', 'a=1');
      headers.append('Set-Cookie', 'b=2');
      scene.handle = () => new Response('é🦀', { status: 418, headers });
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
        scene.handle = async (incoming) => new Response(`${i} ${await incoming.text()}`);
        expect(await textOf(await answerTo(asked.end('x')))).toBe(`${i} x`);
      }
      expect(sockets.size).toBe(1);
    });

    it.each([204, 304])('of status %i have no body and no length', async (status) => {
      scene.handle = () => new Response(null, { status });
      const answer = await get({ agent });
      expect([answer.statusCode, await textOf(answer)]).toEqual([status, '']);
      expect(answer.headers['content-length'] ?? '0').toBe('0');
      expect((await get({ agent })).statusCode).toBe(status);
    });

    it('without a body end', async () => {
      scene.handle = () => new Response(null);
      expect(await textOf(await get({ agent }))).toBe('');
      scene.handle = () => new Response('');
      expect(await textOf(await get({ agent }))).toBe('');
    });

    it('to HEAD have none either, but may tell its length', async () => {
      scene.handle = ({ method }) =>
        new Response(method === 'HEAD' ? null : 'body', { headers: { 'Content-Length': '4' } });
      const answer = await get({ method: 'HEAD', agent });
      expect([answer.headers['content-length'], await textOf(answer)]).toEqual(['4', '']);
      scene.handle = () => new Response('body');
      expect(await textOf(await get({ method: 'HEAD', agent }))).toBe('');
      expect(await textOf(await get({ agent }))).toBe('body');
    });

    it('arrive piece by piece', async () => {
      const { stream, say, end } = source();
      scene.handle = () => new Response(stream);
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
      scene.handle = () => new Response(stream, { headers: { 'Content-Length': '6' } });
      const arriving = get({ agent });
      say('one');
      const answer = await arriving;
      expect(answer.headers['content-length']).toBe('6');
      say('two');
      end();
      expect(await textOf(answer)).toBe('onetwo');
      scene.handle = () => new Response('next');
      expect(await textOf(await get({ agent }))).toBe('next');
    });

    it('that fail on the way break the connection', async () => {
      const { stream, say, fail } = source();
      // The bridge of hono to node:http writes such faults there.
      vi.spyOn(console, 'error').mockImplementation(() => {});
      scene.handle = () => new Response(stream);
      const arriving = get();
      say('one');
      const answer = await arriving;
      const text = textOf(answer);
      fail(new Error('no more'));
      await expect(text).rejects.toThrow();
      scene.handle = () => new Response('next');
      expect(await textOf(await get())).toBe('next');
    });

    it('of a handler that throws are 500, and the server goes on', async () => {
      scene.handle = async () => {
        throw new Error('a fault');
      };
      expect((await get()).statusCode).toBe(500);
      scene.handle = () => new Response('next');
      expect(await textOf(await get())).toBe('next');
    });

    it('are cancelled, and their request aborted, when the client goes away', async () => {
      const { stream, say, isCancelled } = source();
      let signal!: AbortSignal;
      scene.handle = (asked) => {
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
      scene.handle = () => new Response(stream);
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
      scene.handle = () => new Response(stream);
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
      scene.handle = () => new Response(new Uint8Array(16 * MIB).fill(7));
      const answer = await get({ agent });
      expect(answer.headers['content-length'] ?? String(16 * MIB)).toBe(String(16 * MIB));
      answer.pause();
      await new Promise((resolve) => setTimeout(resolve, 100));
      let got = 0;
      for await (const chunk of answer) got += chunk.length;
      expect(got).toBe(16 * MIB);
      scene.handle = () => new Response('next');
      expect(await textOf(await get({ agent }))).toBe('next');
    });
  });
}
