/**
 * Faults of permissions, tokens, revocation and the memory budget that can be planted (see `faults.ts`).
 */
import type { Fault } from './faults.ts';
import { OPERATOR } from './hub-process.ts';

export const GUARD_FAULTS = {
  'forgotten-purge': {
    about: 'what a session may not do any more goes on when permissions change',
    hub: ({ insides: { sessions } }) => {
      sessions.purge = () => {};
    },
  },
  'unsettled-purge': {
    about: 'what waits for a subscription that is revoked is settled by nobody',
    queue: (queue) => {
      const close = queue.close.bind(queue);
      queue.close = (reason) => {
        if (reason !== 'revoked') close(reason);
      };
    },
  },
  'replay-unasked': {
    about: 'a page of history is read whatever its reader is permitted by then',
    hub: ({ insides: { pages } }) => {
      const inner = pages as unknown as { readFor(lane: { questions: object[] }): void };
      const readFor = inner.readFor.bind(pages);
      // Asked by whoever it is, and read for somebody who may do everything.
      inner.readFor = (lane) => {
        const [question, ...rest] = lane.questions;
        const asked = question && Object.create(question, { principal: { value: () => OPERATOR } });
        lane.questions.splice(0, lane.questions.length, asked, ...rest);
        readFor(lane);
      };
    },
  },
  'expiry-ignored': {
    about: 'a connection goes on when its token has expired',
    hub: ({ insides: { sessions } }) => {
      sessions.checkToken = () => {};
    },
  },
  'revocation-forgotten': {
    about: 'tokens from before a revocation are taken',
    hub: ({ hub }) => {
      hub.control.isRevoked = () => false;
    },
  },
  'no-relief': {
    about: 'nothing gives way when there is too much in memory',
    hub: ({ insides: { context } }) => {
      Object.defineProperty(context.budget, 'exceeded', { value: false });
    },
  },
} as const satisfies Record<string, Fault>;
