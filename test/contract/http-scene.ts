/** An HTTP server under test, and clients that read slowly, go away, or send nonsense. */
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterEach, beforeEach, vi } from 'vitest';
import type { HttpServer } from '../../server/src/http/http-server.ts';
import type { Peer } from '../../server/src/ports/caller.ts';

export const MIB = 1024 * 1024;

type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** A new server for each test of the suite that calls it. */
export function httpScene(setup: () => HttpServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const scene = {
    server: undefined as unknown as HttpServer,
    port: 0,
    /** What answers; a test sets its own. */
    handle: (() => new Response('ok')) as Handler,
  };

  beforeEach(async () => {
    scene.handle = () => new Response('ok');
    scene.server = setup();
    scene.server.serve({ fetch: (request, peer) => scene.handle(request, peer) });
    scene.port = await scene.server.listen('127.0.0.1', 0);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await scene.server.close(0);
    agent.destroy();
  });

  const ask = (options: RequestOptions = {}): ClientRequest => {
    const asked = request({ host: '127.0.0.1', port: scene.port, agent: false, ...options });
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
      const socket = connectTcp(scene.port, '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)));
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

  return Object.assign(scene, { setup, agent, ask, answerTo, textOf, get, raw, settled, source });
}

export type HttpScene = ReturnType<typeof httpScene>;
