/**
 * Where a transport's library answers otherwise than a case says, and why that is no harm. `ws` has none; those of
 * uWebSockets.js are its own code, which nothing here can change.
 */
import type { WebSocketCase } from './websocket-cases.ts';

export interface Exception {
  readonly why: string;
  readonly applies: (one: WebSocketCase) => boolean;
  readonly comes: (one: WebSocketCase) => readonly string[];
}

const isFailure = ({ comes }: WebSocketCase): boolean => comes.at(-1)?.startsWith('fails') === true;
/** The connection goes on to the client's own goodbye. */
const goesOn = (message: string): readonly string[] => [message, 'text after', 'fails 1000'];

const OF_UWS: readonly Exception[] = [
  {
    why: 'the number of pieces is not told to the hub: they are joined as they come, within the bytes of one message',
    applies: ({ name }) => name.endsWith('in more pieces than may be'),
    comes: ({ name }) =>
      goesOn(name.startsWith('text') ? `text ${'p'.repeat(65)}` : `binary ${'70'.repeat(65)}`),
  },
  {
    why: 'bytes sent amid a text in pieces count as its next piece, and the message as bytes: only its sender is confused',
    applies: ({ name }) => name === 'binary while another message is in pieces',
    comes: () => goesOn('binary 6162'),
  },
  {
    why: 'a code that nobody may send, or half of one, is answered by a close without a code, and the connection ends',
    applies: (one) =>
      isFailure(one) &&
      /^a close (with \d|of one byte|with a reason that is not|without a mask)/.test(one.name),
    comes: () => ['close', 'ends'],
  },
  {
    why: 'it does not know the codes 1012 to 1014 and 3000 to 3999, and answers them by a close without a code',
    applies: ({ comes: [first] }) => /^close (101[234]|3\d\d\d)$/.test(first ?? ''),
    comes: () => ['close', 'end'],
  },
  {
    why: 'a connection that it fails ends without a close frame, as §7.1.7 allows, and with what was still to be sent',
    // Messages up to twice the limit reach the hub, which closes with its own code.
    applies: (one) => isFailure(one) && !one.name.endsWith('one byte more than may be'),
    comes: () => ['ends'],
  },
];

export const exceptionsOf = (transport: 'ws' | 'uws'): readonly Exception[] =>
  transport === 'uws' ? OF_UWS : [];
