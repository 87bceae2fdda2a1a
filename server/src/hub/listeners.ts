/**
 * Subscriptions without a client that speaks the protocol, such as an event stream over HTTP (PROTOCOL §17).
 *
 * Each has a session of its own with one queue, ack `none`. Nothing can resume it: when its listener goes, or the hub
 * ends it, it is closed, not parked. What its reader was not given, its cursor asks for again.
 */
import { type ErrorName, PROTOCOL_VERSION, type SubscribeOptions } from '@ringhub/protocol';
import type { Link, Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type { HubRefusal, Listener, Listening } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import type { Sessions } from './sessions.ts';
import type { Subscriptions } from './subscriptions.ts';

/** What is done with the session of a listener. */
export interface ListenerActions {
  beat(session: Session): void;
  drained(session: Session): void;
}

const MAX_LISTENERS = 4_096;

export class Listeners {
  private count = 0;

  constructor(
    private readonly hub: HubContext,
    private readonly sessions: Sessions,
    private readonly subscriptions: Subscriptions,
    private readonly actions: ListenerActions,
  ) {}

  open(principal: Principal, options: SubscribeOptions, listener: Listener): Listening | HubRefusal {
    if (this.count >= MAX_LISTENERS) return { error: 'unavailable' };
    const { clock, limits } = this.hub;
    let session: Session | undefined;
    let beats: { stop(): void } | undefined;
    let isOver = false;
    const over = (): boolean => {
      if (isOver) return false;
      isOver = true;
      this.count--;
      beats?.stop();
      return true;
    };
    const close = (): void => {
      if (over() && session) this.sessions.happened(session, 'bye');
    };
    const link: Link = {
      // Its reader is another format still, made from the frames' text.
      codec: this.hub.jsonCodec,
      isOfOneQueue: true,
      get bufferedBytes() {
        return listener.bufferedBytes;
      },
      send: (message) => listener.send(message as string),
      end: (why) => {
        if (!over()) return;
        listener.end(why);
        // The hub is in the middle of something: the session may just be parking.
        clock.endOfTurn(() => session && this.sessions.happened(session, 'bye'));
      },
    };
    const hello = { type: 'hello', version: PROTOCOL_VERSION, client: 'http' } as const;
    this.count++;
    const opened = this.sessions.open(principal, hello, link);
    if ('code' in opened) {
      over();
      return { error: opened.name as ErrorName };
    }
    session = opened;
    const subscribed = this.subscriptions.subscribe(opened, { ...options, ack: 'none' });
    if ('error' in subscribed) {
      close();
      return subscribed;
    }
    beats = clock.every(limits.heartbeatMs, () => this.actions.beat(opened));
    return { ...subscribed, drained: () => this.actions.drained(opened), close };
  }
}
