/**
 * What everything that carries the HTTP app must do (server/src/http/http-server.ts), seen by clients that read
 * slowly, go away, or send nonsense.
 */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type HttpServer, ListenError } from '../../server/src/http/http-server.ts';
import { httpAnswersSuite } from './http-answers-suite.ts';
import { httpRequestsSuite } from './http-requests-suite.ts';
import { httpScene } from './http-scene.ts';

const GRACE_MS = 10_000;

export function httpServerSuite(name: string, setup: () => HttpServer): void {
  describe(`the ${name} HTTP server`, () => {
    const scene = httpScene(setup);
    const { agent, ask, textOf, get, source } = scene;

    httpRequestsSuite(scene);
    httpAnswersSuite(scene);

    describe('when it closes', () => {
      it('lets what is being answered end, and takes no more', async () => {
        const { stream, say, end } = source();
        scene.handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        let isClosed = false;
        const closing = scene.server.close(GRACE_MS).then(() => {
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
        scene.handle = () => new Response(stream);
        const arriving = get();
        say('one');
        const answer = await arriving;
        const text = textOf(answer);
        const [broken] = await Promise.allSettled([text, scene.server.close(20)]);
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
      await scene.server.close(0);
      scene.server = setup();
      await scene.server.listen('127.0.0.1', scene.port);
      const other = setup();
      const error = await other.listen('127.0.0.1', scene.port).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ListenError);
      expect((error as Error).message).toMatch(/^port \d+ on 127\.0\.0\.1 is in use: .*--port/);
      await other.close(0);
    });
  });
}
