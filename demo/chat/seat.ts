/**
 * One window of the conversation: a person with a connection of its own, the rooms it follows, what it shows and what
 * it has written. Two windows of one page know as little of each other as two tabs do.
 *
 * Lines, joins and leaves come through one subscription, so that they stand in one order. A line written here waits
 * in the SDK's outbox until the hub has confirmed it, and stands in the transcript once it has come back in the feed.
 */
import { connect, type GapEvent, type Hub, type HubEvents, type Subscription } from '@ringhub/client';
import { Changes } from '../shared/changes.ts';
import { fetchDevToken, hubUrl } from '../shared/dev-token.ts';
import { SocketLine } from '../shared/severable-socket.ts';
import { Presence } from './presence.ts';
import {
  CHAT,
  type ChatEvent,
  type ChatMessage,
  EVENTS,
  type Followed,
  HERE_KEY,
  type Here,
  type HubEvent,
  isSeat,
  type Messages,
  roomKey,
  roomOfKey,
  type Spoken,
  seatKey,
} from './rooms.ts';
import { Transcript } from './transcript.ts';

export type LinkState = HubEvents['state']['state'];

/** A line on its way: not yet in the transcript. */
export interface Waiting {
  readonly id: string;
  readonly room: string;
  readonly text: string;
  /** Why the hub would not take it. */
  problem: string;
}

/** Shorter than the SDK's own: there is one visitor, and the hub is near. */
const BACKOFF = { minMs: 150, maxMs: 800 };
const RETRY_MS = 2_000;
export const ROOMY = 500;

export class Seat {
  readonly changes = new Changes();
  readonly presence = new Presence();
  readonly line = new SocketLine();
  transcript = new Transcript();
  name: string;
  follows: readonly Followed[];
  /** Messages that the hub keeps for this window while it cannot take them. */
  capacity = ROOMY;
  /** As of now: what was chosen holds once the hub has granted it. */
  granted = ROOMY;
  state: LinkState = 'connecting';
  problem = '';
  waiting: readonly Waiting[] = [];
  #id = newId();
  #generation = 0;
  #lines = 0;
  #hub: Hub<Messages> | undefined;
  #subscription: Subscription<ChatEvent> | undefined;
  #session = '';
  #abort = new AbortController();

  constructor(name: string, follows: readonly Followed[]) {
    this.name = name;
    this.follows = follows;
  }

  get isOffline(): boolean {
    return this.state !== 'online' && this.state !== 'draining';
  }

  /** Whether the rooms' past has been read, and lines can be written. */
  get isReady(): boolean {
    return !this.transcript.isHistory;
  }

  isMe(session: string): boolean {
    return session === this.#session;
  }

  async join(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const hub = await connect<Messages>(hubUrl(), {
        client: this.name,
        backoff: BACKOFF,
        getToken: fetchDevToken,
        signal: abort.signal,
        WebSocket: this.line.WebSocket,
      });
      this.#hub = hub;
      this.state = 'online';
      hub.addEventListener('state', (event) => {
        if (this.#hub === hub) this.#stateChanged(event);
      });
      await hub.declareExchange(CHAT, { type: 'topic' });
      await this.#open(hub);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#failed(error);
      setTimeout(() => abort.signal.aborted || void this.join(), RETRY_MS);
    }
  }

  leave(): void {
    const hub = this.#hub;
    this.#hub = undefined;
    this.#generation += 1;
    this.#abort.abort();
    void hub?.close();
  }

  /** A new name is a new person: leaves, and joins again. */
  rename(name: string): void {
    if (name === '' || name === this.name) return;
    this.leave();
    this.line.restore();
    this.name = name;
    this.#id = newId();
    this.#session = '';
    this.waiting = [];
    this.state = 'connecting';
    this.presence.clear();
    this.transcript = new Transcript();
    this.changes.tell();
    void this.join();
  }

  follow(follows: readonly Followed[]): void {
    if (follows.length === 0 || !this.#hub) return;
    this.follows = follows;
    this.#open(this.#hub).catch((error) => this.#failed(error));
    this.changes.tell();
  }

  keep(capacity: number): void {
    this.capacity = capacity;
    this.follow(this.follows);
  }

  goOffline(): void {
    this.line.cut(undefined);
  }

  comeBack(): void {
    this.line.restore();
  }

  say(room: string, text: string): void {
    this.#lines += 1;
    const line: Waiting = { id: `${this.#id}-${this.#lines}`, room, text, problem: '' };
    this.waiting = [...this.waiting, line];
    this.#send(line);
  }

  /** The same line with its id: what the hub has already taken, it does not take twice. */
  sendAgain(line: Waiting): void {
    line.problem = '';
    this.#send(line);
  }

  #send(line: Waiting): void {
    const { id, room, text } = line;
    this.changes.tell();
    this.#hub?.publish(CHAT, `room.${room}`, { from: this.name, text }, { id }).then(
      // Nobody will show it here, if the room is not followed any more.
      () => this.#followsRoom(room) || this.#arrived(id),
      (error) => {
        line.problem = textOf(error);
        this.changes.tell();
      },
    );
  }

  async #open(hub: Hub<Messages>): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const previous = this.#subscription;
    const transcript = new Transcript();
    const own = seatKey(`${this.#id}-${generation}`);
    const subscription = await hub.subscribe({
      // `hub.events` first: then the bindings that follow are told of, this window's own among them.
      bindings: [
        [EVENTS, 'session.*'],
        [EVENTS, `binding.*.${CHAT}.#`],
        [CHAT, own],
        ...this.follows.map((room) => [CHAT, roomKey(room)] as const),
        [CHAT, HERE_KEY],
      ],
      since: 'earliest',
      capacity: this.capacity,
    });
    if (generation !== this.#generation) return void subscription.unsubscribe();
    this.#subscription = subscription;
    this.granted = subscription.granted.capacity;
    this.transcript = transcript;
    void this.#read(subscription, generation, own);
    await previous?.unsubscribe();
  }

  async #read(subscription: Subscription<ChatEvent>, generation: number, own: string): Promise<void> {
    try {
      for await (const event of subscription) {
        if (generation !== this.#generation) return;
        if (event.kind === 'message') this.#take(event, own);
        if (event.kind === 'gap') this.#gap(event);
        this.changes.tell();
      }
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  #take(message: ChatMessage, own: string): void {
    const data = dataOf(message);
    if (data === undefined) return;
    const room = roomOfKey(message.routingKey);
    if (message.exchange === EVENTS) this.#event(message.routingKey, data as HubEvent, own);
    else if (room !== undefined) this.#spoken(message, room, data as Spoken);
    else if (!this.transcript.isHistory) this.presence.told((data as Here).people);
  }

  #spoken({ id, timeMs }: ChatMessage, room: string, { from, text }: Spoken): void {
    if (typeof from !== 'string' || typeof text !== 'string') return;
    const isOwn = id?.startsWith(`${this.#id}-`) === true;
    this.transcript.line({ id, room, from, text, timeMs, isOwn });
    if (isOwn) this.#arrived(id!);
  }

  #event(routingKey: string, event: HubEvent, own: string): void {
    const { transcript, presence } = this;
    const isOwnBinding = event.key === own && routingKey.startsWith('binding.created.');
    if (isOwnBinding && event.session !== this.#session) {
      // The first session of this window, or a new one because the hub has forgotten the one before.
      this.#session = event.session;
      presence.clear();
    }
    if (isOwnBinding && transcript.isHistory) transcript.historyEnds();
    if (transcript.isHistory) {
      // Of those who are known only: the past has ended for the others.
      if (routingKey.startsWith('session.')) presence.take(routingKey, event);
      return;
    }
    const moved = presence.take(routingKey, event);
    const isMine = this.isMe(event.session);
    if (isMine && (isOwnBinding || routingKey === 'session.resumed')) {
      transcript.caughtUp(performance.now(), !isOwnBinding);
    }
    const isArrival = routingKey.startsWith('binding.created.') && isSeat(event.key ?? '');
    if (isArrival && !isMine) this.#tellWhoIsHere();
    // That oneself was away, the transcript says itself.
    if (moved && !(isMine && moved.move !== 'joined')) {
      transcript.moved(moved.move, moved.person.name, isMine);
    }
  }

  /** Somebody has come, who cannot know who came before. */
  #tellWhoIsHere(): void {
    this.#hub?.publish(CHAT, HERE_KEY, { people: [...this.presence.people.values()] }).catch(() => {});
  }

  #gap(gap: GapEvent): void {
    // Before the history ends, nothing is missed that would have been shown.
    if (!this.transcript.isHistory) this.transcript.gap(gap);
  }

  #followsRoom(room: string): boolean {
    return this.follows.some((followed) => followed === '*' || followed === room);
  }

  #arrived(id: string): void {
    this.waiting = this.waiting.filter((line) => line.id !== id);
    this.changes.tell();
  }

  #stateChanged({ state, error }: HubEvents['state']): void {
    this.state = state;
    if (state === 'online') {
      this.problem = '';
      this.transcript.online(performance.now());
    } else if (state !== 'draining' && !this.transcript.isHistory) {
      this.transcript.offline(performance.now());
    }
    if (state === 'closed')
      this.problem = `The hub ended this connection (${textOf(error)}): reload the page.`;
    this.changes.tell();
  }

  #failed(error: unknown): void {
    this.problem = textOf(error);
    this.changes.tell();
  }
}

/** What a message says; nothing where it is not what this page writes. */
function dataOf(message: ChatMessage): object | undefined {
  try {
    const { data } = message;
    return typeof data === 'object' && data !== null ? data : undefined;
  } catch {
    return undefined;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const newId = (): string => crypto.randomUUID().slice(0, 13);
