/**
 * The exchange `chat` and its keys.
 *
 *     room.<name>   lines; a window follows one room, several, or all of them by the pattern `room.*`
 *     seat.<id>     nobody publishes here: the binding itself says who sits where (`hub.events` tells of it)
 *     here          who is here, told by those who are to somebody who has just come
 */
import type { EventOf } from '@ringhub/client';
import type { Person } from './presence.ts';

export const CHAT = 'chat';
export const EVENTS = 'hub.events';
export const HERE_KEY = 'here';

export const ROOMS = ['lobby', 'kitchen', 'garden'] as const;
export type Room = (typeof ROOMS)[number];
/** What a window follows: one room, or all that there are and will be. */
export type Followed = Room | '*';

export const roomKey = (room: Followed): string => `room.${room}`;

export function roomOfKey(key: string): string | undefined {
  return key.startsWith('room.') ? key.slice('room.'.length) : undefined;
}

/** A line somebody wrote. */
export interface Spoken {
  readonly from: string;
  readonly text: string;
}

/** Who is here, as the one who tells it knows. */
export interface Here {
  readonly people: readonly Person[];
}

/** What the hub tells of sessions and bindings. */
export interface HubEvent {
  readonly session: string;
  /** What the session's client calls itself: here the name of a person. */
  readonly client?: string;
  readonly queue?: number;
  readonly exchange?: string;
  readonly key?: string;
}

/** Which exchange carries what. */
export interface Messages {
  readonly [CHAT]: Spoken | Here;
  readonly [EVENTS]: HubEvent;
}

export type ChatEvent = EventOf<Messages, typeof CHAT | typeof EVENTS>;
export type ChatMessage = Extract<ChatEvent, { kind: 'message' }>;

/** Unique for each subscription, so that whoever made it knows its own binding again. */
export const seatKey = (id: string): string => `seat.${id}`;

export const isSeat = (key: string): boolean => key.startsWith('seat.');

const MAX_NAME = 20;

/** A name as it may be shown; empty where nothing is left of it. */
export const cleanName = (name: string): string =>
  name
    .replace(/[^\p{L}\p{N} '-]/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_NAME);
