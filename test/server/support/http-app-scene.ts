/** The HTTP app of a dev hub, over a hub that only writes down what it is asked. */
import { devAuth } from '../../../server/src/auth/token-auth.ts';
import { createHttpApp, type HttpAppOptions } from '../../../server/src/http/app.ts';
import type {
  Health,
  HubApi,
  HubStats,
  PublishOutcome,
  PublishRequest,
} from '../../../server/src/ports/hub-api.ts';

export class RecordingHub implements HubApi {
  readonly published: PublishRequest[] = [];
  outcome: (request: PublishRequest) => PublishOutcome = () => ({
    kind: 'taken',
    log: 'v',
    epoch: 'e1',
    offset: this.published.length,
    sessions: 2,
    duplicate: false,
  });
  state: Health = { ready: true, reasons: [] };

  publish(_: unknown, request: PublishRequest, done: (outcome: PublishOutcome) => void): void {
    this.published.push(request);
    const outcome = this.outcome(request);
    setImmediate(() => done(outcome));
  }

  history = () => {};
  listen = () => ({ error: 'unavailable' }) as const;
  topology = () => ({ exchanges: [], bindings: [], queues: [], complete: true });
  changeTopology = () => undefined;
  queueCommand = () => undefined;
  queueMeasures = () => [];
  sizes = () => ({});
  control = { list: () => ({ sessions: [], more: false }), close: () => undefined };
  health = () => this.state;
  stats = () => ({ connections: 7 }) as HubStats;
}

export const TOKEN = 'dev-token';
export const HOST = '127.0.0.1:8080';

export function setup(options: Partial<HttpAppOptions> = {}) {
  const hub = new RecordingHub();
  const faults: unknown[] = [];
  const app = createHttpApp({
    hub,
    auth: devAuth(TOKEN),
    callers: { origins: ['https://app.example.com'], loopbackOnly: true },
    maxBodyBytes: 1_000,
    devToken: TOKEN,
    metrics: { contentType: 'text/plain', text: async () => 'ringhub_up 1\n' },
    publicMetrics: false,
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  const request = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
    app.request(`http://${HOST}${path}`, { ...init, headers: { Host: HOST, ...init.headers } });
  const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
    request(path, { method: 'POST', body, headers: { Authorization: `Bearer ${TOKEN}`, ...headers } });
  return { hub, faults, request, post };
}
