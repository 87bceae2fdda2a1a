/**
 * What the page sees of the workers and their queues: what each worker tells of itself, and twice a second what the hub
 * says of each queue.
 */
import { connect, type Hub, type HubEvents } from '@ringhub/client';
import { inspectQueue, type QueueInfo } from '@ringhub/client/queues';
import { Changes } from '../shared/changes.ts';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import {
  CONTROL,
  FAILED_QUEUE,
  type Messages,
  openShop,
  SERVICES,
  type ServiceName,
  textOf,
  WORKERS,
  type WorkerStatus,
} from '../shared/shop.ts';
import { BACKOFF, RETRY_MS } from './customer.ts';

const LOOK_MS = 500;
/** A worker that does not come back for so long is not being restarted. */
const GONE_MS = 20_000;

export type WorkerState = 'up' | 'restarting' | 'down' | 'unknown';

export class Workshop {
  readonly changes = new Changes();
  /** False where the hub keeps no data. */
  isDurable = true;
  state: HubEvents['state']['state'] = 'connecting';
  isReady = false;
  problem = '';
  readonly statuses = new Map<ServiceName, WorkerStatus>();
  readonly queues = new Map<string, QueueInfo>();
  /** When each queue was last seen with a consumer, by this page's clock. */
  readonly #servedMs = new Map<string, number>();
  /** Which process of a service this page has killed last. */
  readonly #killed = new Map<ServiceName, number>();
  readonly #abort = new AbortController();
  #hub: Hub<Messages> | undefined;

  async start(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const hub = await connect<Messages>(hubUrl(), {
        client: 'the orders page',
        backoff: BACKOFF,
        getToken: fetchDevToken,
        signal,
      });
      this.#hub = hub;
      this.state = 'online';
      hub.addEventListener('state', ({ state, resumed }) => {
        this.state = state;
        // Another hub: its workers are others, too.
        if (state === 'online' && !resumed) this.statuses.clear();
        this.changes.tell();
      });
      this.isDurable = await openShop(hub);
      void this.#look(hub, signal);
      const subscription = await hub.subscribe(WORKERS, '*', { since: 'last-per-key', overflow: 'conflate' });
      this.isReady = true;
      this.problem = '';
      for await (const event of subscription) {
        if (event.kind === 'message') this.statuses.set(event.routingKey as ServiceName, event.data);
        this.changes.tell();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.problem = textOf(error);
      this.changes.tell();
      void this.#hub?.close();
      setTimeout(() => signal.aborted || void this.start(), RETRY_MS);
    }
  }

  stop(): void {
    this.#abort.abort();
    void this.#hub?.close();
  }

  /** The hub that served this page is gone, or this page is offline. */
  get isCutOff(): boolean {
    return this.isReady && this.state !== 'online' && this.state !== 'draining';
  }

  /** The hub's process, as its workers know it. */
  get hubPid(): number | undefined {
    return [...this.statuses.values()][0]?.hubPid;
  }

  stateOf(service: ServiceName, queue: string): WorkerState {
    const info = this.queues.get(queue);
    if (this.isCutOff || !info) return 'unknown';
    const status = this.statuses.get(service);
    if (info.consumers > 0 && status && this.#killed.get(service) !== status.pid) return 'up';
    const servedMs = this.#servedMs.get(queue);
    return servedMs !== undefined && performance.now() - servedMs < GONE_MS ? 'restarting' : 'down';
  }

  kill(service: ServiceName): void {
    const pid = this.statuses.get(service)?.pid;
    if (pid === undefined) return;
    this.#hub?.publish(CONTROL, service, { pid }).then(
      ({ sessions }) => {
        if (sessions > 0) this.#killed.set(service, pid);
        this.changes.tell();
      },
      (error) => {
        this.problem = textOf(error);
        this.changes.tell();
      },
    );
  }

  async #look(hub: Hub<Messages>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && hub.state !== 'closed') {
      if (hub.state === 'online' && !document.hidden) await this.#inspect(hub).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #inspect(hub: Hub<Messages>): Promise<void> {
    const names = [...SERVICES.map(({ queue }) => queue), FAILED_QUEUE];
    const infos = await Promise.all(names.map((name) => inspectQueue(hub, name)));
    for (const info of infos) {
      this.queues.set(info.name, info);
      if (info.consumers > 0) this.#servedMs.set(info.name, performance.now());
    }
    this.changes.tell();
  }
}
