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

/** A key of the configuration's `roles`, or one of those that are always there: anonymous, browser, server, dev. */
export type Role = string;

export interface Principal {
  /** Whom the credentials name; sessions and publish ids belong to it. */
  readonly subject: string;
  readonly role: Role;
  /** Unix time in ms at which the credentials cease to be valid; without one they do not. */
  readonly expiresAtMs?: number;
  /** Unix time in ms at which they were issued; without one they count as issued before everything. */
  readonly issuedAtMs?: number;
  /** Whether `action` is permitted on an exchange or queue, with a routing key where the action has one. As of now. */
  may(action: Action, name: string, key: string): boolean;
  /** Whether it is for every key that a topic pattern matches. */
  mayAll(action: Action, name: string, pattern: string): boolean;
  /** Whether it is for some key: else not even be told whether there is such a name. */
  maySome(action: Action, name: string): boolean;
}

/** Why somebody is not let in. */
export interface Denial {
  /** What the client is told. `token-expired`: a newer token will do; `locked-out`: not now, whatever the token. */
  readonly denied: 'unauthorized' | 'token-expired' | 'locked-out';
  /** Which check failed, for the operator's log only; holds nothing of the token. */
  readonly reason: string;
}

export type Admission = Principal | Denial;

export interface Auth {
  readonly name: string;
  /**
   * Whom a token names, or why it lets nobody in. Never throws.
   *
   * @param address of whoever shows it, as far as that is known: many failures lock an address out for a while
   */
  authenticate(token: string | undefined, address?: string): Admission | Promise<Admission>;
}

export const isDenial = (admission: Admission): admission is Denial => 'denied' in admission;
