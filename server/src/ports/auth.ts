/**
 * Auth port: who is there, and what they may do.
 */

export type Action = 'publish' | 'subscribe' | 'declare' | 'bind' | 'delete' | 'admin';

export type Role = 'anonymous' | 'browser' | 'server' | 'dev';

export interface Principal {
  /** Whom the credentials name; sessions and publish ids belong to it. */
  readonly subject: string;
  readonly role: Role;
  /** Whether `action` is permitted on an exchange, with a routing key (publish) or pattern (subscribe). */
  may(action: Action, exchange: string, key: string): boolean;
}

export interface Auth {
  readonly name: string;
  /** The principal of a bearer token, or `undefined` where it is missing or not valid. Never throws. */
  authenticate(token: string | undefined): Principal | undefined | Promise<Principal | undefined>;
}
