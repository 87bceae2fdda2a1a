/**
 * Ids port: everything random. Secrets come from a cryptographic source; the simulation has a seeded one.
 */
export interface Ids {
  /** A new public id of a session or an epoch: 21 characters of `A-Za-z0-9_-`. */
  id(): string;
  /** A new secret of at least 128 bit, the same alphabet. */
  token(): string;
  /** One-way hash of a token, to keep instead of it. */
  hash(token: string): string;
  /** A number from 0 (inclusive) to 1, for jitter only. */
  random(): number;
}
