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
  'never-asked': {
    about: 'whoever subscribes, binds or reads history may do so with everything',
    hub: ({ insides: { subscriptions } }) => {
      const find = subscriptions.find.bind(subscriptions);
      subscriptions.find = (_, spec) => find(OPERATOR, spec);
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
