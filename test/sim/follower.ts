/**
 * Somebody who reads an event stream: the real `EventStream` over `hub.listen`, read slowly or fast, cut off now and
 * then, and taken up again from the last `id` it got, as a browser's EventSource does (PROTOCOL §17).
 *
 *     hub.listen ─► EventStream ─► text ─► events ─► taken: each message that is due once, or told in a gap
 */
import {
  decodeServerMessage,
  type GapRange,
  type LogId,
  parseCursor,
  type SubscribeOptions,
} from '@ringhub/protocol';
import { EventStream } from '../../server/src/http/event-stream.ts';
import type { Listener } from '../../server/src/ports/hub-api.ts';
import type { HubProcess } from './hub-process.ts';
import { Lives } from './lives.ts';
import { GUEST } from './permits.ts';
import type { QueueAccount } from './queue-account.ts';
import { covers } from './queue-balance.ts';
import type { Simulation } from './simulation.ts';
import { conflationKey, type Taken } from './truth.ts';

const RETRY_MS = 300;

interface Connection {
  readonly process: HubProcess;
  readonly account: QueueAccount;
  readonly stream: EventStream;
  isIdle: boolean;
}

export class Follower {
  /** Reads at once, and is not cut off any more. */
  isCalm = false;
  isOver = false;
  /** Where a fault can be planted. */
  onStream: (stream: EventStream) => void = () => {};
  #lastId: string | undefined;
  #now: Connection | undefined;
  #isWaiting = false;
  readonly #lives: Lives;
  /** By epoch, the offset after which everything is due. */
  readonly #starts = new Map<string, number>();
  readonly #taken = new Map<number, Taken>();
  readonly #told: GapRange[] = [];
  #isInSnapshot = false;
  /** Whose snapshot was read to its end. */
  readonly #snapshots = new Map<QueueAccount, boolean>();

  constructor(
    private readonly simulation: Simulation,
    readonly name: string,
    readonly options: SubscribeOptions,
    private readonly slowMs: number,
  ) {
    this.#lives = new Lives(simulation.truth);
  }

  get isDrained(): boolean {
    const now = this.#now;
    return now?.isIdle === true && now.stream.bufferedBytes === 0;
  }

  private get isConflating(): boolean {
    return this.options.overflow === 'conflate';
  }

  connect(): void {
    this.#isWaiting = false;
    const { hub } = this.simulation;
    if (this.isOver) return;
    if (!hub.isOpen) {
      this.#connectLater(RETRY_MS);
      return;
    }
    const stream = new EventStream(!this.isConflating);
    this.onStream(stream);
    const listener: Listener = {
      get bufferedBytes() {
        return stream.bufferedBytes;
      },
      send: (message) => {
        for (const frame of decodeServerMessage(message) ?? []) {
          if (frame.type === 'deliver' || frame.type === 'mark')
            this.simulation.wires.delivered(hub.number, frame);
        }
        stream.send(message);
      },
      end: (why) => stream.end(why),
    };
    const since = this.#lastId === undefined ? this.options.since : { cursor: this.#lastId };
    const options = { ...this.options, ...(since === undefined ? {} : { since }) };
    const { permits } = this.simulation;
    const principal = permits.principals.of({ subject: this.name, role: GUEST });
    const listening = hub.hub.listen(principal, options, listener);
    if ('error' in listening) {
      // What it read may be gone: then it waits until somebody declares it again.
      if (!['unknown-exchange', 'forbidden'].includes(listening.error))
        this.#fail('listen', `is refused: ${listening.error}`);
      this.#connectLater(RETRY_MS * 4);
      return;
    }
    stream.open(listening, since);
    const account = this.simulation.account(hub.number, listening.queue)!;
    this.simulation.world.note(`${this.name} listens after ${this.#lastId ?? JSON.stringify(since)}`);
    this.simulation.reach(this.#lastId === undefined ? 'listened' : 'listened again');
    this.#isInSnapshot = account.isSnapshot;
    this.#lives.begin(account);
    if (this.#lastId !== undefined) this.#begin(account);
    const now = { process: hub, account, stream, isIdle: false };
    this.#now = now;
    void this.#pump(now);
  }

  /** Its connection is lost, with what waits in it. */
  cut(): void {
    const now = this.#now;
    this.#now = undefined;
    if (now?.process.isAlive) now.stream.close();
    if (!this.isOver) this.#connectLater(RETRY_MS);
  }

  leave(): void {
    this.isOver = true;
    this.cut();
  }

  /** A hub that died takes its connections with it. */
  step(): void {
    if (this.#now && !this.#now.process.isAlive) this.cut();
  }

  #connectLater(ms: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.simulation.world.after(ms, `${this.name} connects`, () => this.connect());
  }

  async #pump(now: Connection): Promise<void> {
    const reader = now.stream.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      now.isIdle = true;
      const { done, value } = await reader.read();
      now.isIdle = false;
      if (this.#now !== now) return;
      if (done) return this.cut();
      for (const event of decoder.decode(value).split('\n\n')) this.#event(now.account, event);
      const { world } = this.simulation;
      if (!this.isCalm && this.slowMs > 0)
        await new Promise<void>((resolve) => world.after(this.slowMs, `${this.name} reads`, resolve));
      if (this.#now !== now) return;
    }
  }

  #event(account: QueueAccount, text: string): void {
    const fields = new Map<string, string>();
    for (const line of text.split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    const data = JSON.parse(fields.get('data') ?? 'null');
    const type = fields.get('event');
    if (type === 'message') this.#message(account, data);
    else if (type === 'gap') for (const range of data.ranges) this.#lost(account, range);
    else if (type === 'snapshot-end') {
      this.#isInSnapshot = false;
      this.#snapshots.set(account, data.complete);
    } else if (type === 'closed') this.simulation.reach(`listener closed ${data.name}`);
    const id = fields.get('id');
    if (id !== undefined) this.#idIs(account, id);
  }

  /** The end of an epoch stands for all that was published until the present one began. */
  #lost(account: QueueAccount, range: GapRange): void {
    const { truth } = this.simulation;
    this.#told.push(range);
    if (range.reason !== 'epoch' || range.log === 'd' || range.epoch === account.epoch) return;
    const between = truth.epochs.slice(truth.indexOf(range.epoch) + 1, truth.indexOf(account.epoch));
    for (const epoch of between) this.#told.push({ ...range, epoch, from: 1 });
  }

  #idIs(account: QueueAccount, id: string): void {
    this.#lastId = id;
    const positions = parseCursor(id) ?? [];
    if (positions.length === 0) this.#fail('listen', `has the id ${id}`);
    for (const { epoch, offset } of positions) {
      // Until the loss of an old epoch is told, the stream stands where it stood.
      if (!account.ofEpoch(epoch)) continue;
      this.#begin(account);
      if (!this.#starts.has(epoch)) continue;
      const missing = this.#missing(epoch, offset, true);
      if (missing)
        this.#fail('listen', `the id ${id} is beyond offset ${missing.offset}, which did not come`);
    }
  }

  /** From here on everything is due of the logs that it reads. */
  #begin({ logs }: QueueAccount): void {
    for (const { isRead, epoch, start } of logs)
      if (isRead && !this.#starts.has(epoch)) this.#starts.set(epoch, start);
  }

  #message(
    account: QueueAccount,
    { log, offset, key, text }: { log: LogId; offset: number; key: string; text: string },
  ): void {
    const { truth, world } = this.simulation;
    world.note(`${this.name} takes ${log}${offset}`);
    const { epoch } = account.of(log);
    const taken = truth.at(epoch, offset);
    if (!taken || taken.payload !== text || taken.key !== key) {
      this.#fail('content', `offset ${offset} was not published as it came`);
      return;
    }
    const place = truth.place(epoch, offset);
    const isAgain = this.#taken.has(place);
    if (isAgain && !this.#isInSnapshot && !this.isConflating && !this.#isOfSnapshot(taken))
      this.#fail('once', `offset ${offset} came again`);
    this.#taken.set(place, taken);
  }

  /** In a snapshot there are no ids: it begins anew after a cut. */
  #isOfSnapshot(taken: Taken): boolean {
    return this.options.since === 'last-per-key' && !this.#starts.has(taken.epoch);
  }

  /** At the end, with everything drained. */
  check(): void {
    const { truth } = this.simulation;
    for (const epoch of this.#starts.keys()) {
      const missing = this.#missing(epoch, truth.last(epoch), false);
      if (missing) this.#fail('listen', `offset ${missing.offset} of ${epoch} neither came nor was told`);
    }
    for (const [account, isComplete] of this.#snapshots) {
      const missing = account.logs
        .flatMap(({ snapshot }) => snapshot)
        .find((t) => !this.#isAccounted(t, false) && !account.isNewer(t));
      if (missing && isComplete) this.#fail('listen', `the snapshot is without offset ${missing.offset}`);
    }
  }

  #missing(epoch: string, upTo: number, isOpen: boolean): Taken | undefined {
    const start = this.#starts.get(epoch)!;
    return this.#lives.due(epoch, start, upTo).find((taken) => !this.#isAccounted(taken, isOpen));
  }

  /** @param isOpen what supersedes it may still be to come */
  #isAccounted(taken: Taken, isOpen: boolean): boolean {
    const { truth } = this.simulation;
    const isThere = (t: Taken): boolean => this.#taken.has(truth.place(t.epoch, t.offset));
    const isTold = ({ epoch, offset }: Taken): boolean =>
      this.#told.some((r) => r.epoch === epoch && covers(r, offset));
    if (isThere(taken) || isTold(taken)) return true;
    if (!this.isConflating) return false;
    const header = this.options.conflationHeader;
    const key = conflationKey(taken, header);
    return [...this.#lives.later(taken), ...this.#lives.beside(taken)].some(
      (t) => conflationKey(t, header) === key && (isOpen || isThere(t) || isTold(t)),
    );
  }

  #fail(invariant: string, text: string): void {
    const { overflow = 'default' } = this.options;
    this.simulation.world.fail(invariant, `${this.name} (${overflow}): ${text}`);
  }
}
