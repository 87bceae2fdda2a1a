/**
 * Auth port: who is there, and what they may do.
 */

export type Action =
  | 'publish'
  | 'subscribe'
  | 'declare'
  | 'bind'
  | 'delete'
  /** Of named queues, whose name stands for the exchange's. */
  | 'consume'
  | 'declare-queue'
  | 'delete-queue'
  | 'admin';

export type Role = 'anonymous' | 'browser' | 'server' | 'dev';

export interface Principal {
  /** Whom the credentials name; sessions and publish ids belong to it. */
  readonly subject: string;
  readonly role: Role;
  /** Whether `action` is permitted on an exchange or queue, with a routing key (publish) or pattern (subscribe). */
  may(action: Action, name: string, key: string): boolean;
}

export interface Auth {
  readonly name: string;
  /** The principal of a bearer token, or `undefined` where it is missing or not valid. Never throws. */
  authenticate(token: string | undefined): Principal | undefined | Promise<Principal | undefined>;
}
