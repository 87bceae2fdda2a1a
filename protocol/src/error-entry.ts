/** One entry of the error table, and how it is made (PROTOCOL §14). */
import { ERROR_CODES, type ErrorName, type Retry } from './error-codes.ts';

/** What an error ends: one command, the whole session, or this connection. */
export type ErrorScope = 'command' | 'session' | 'connection';

export interface ErrorEntry {
  readonly code: number;
  readonly name: string;
  readonly scope: ErrorScope;
  readonly retry: Retry;
  /** Status of the same refusal over HTTP. */
  readonly http: number;
  /**
   * What happened and what to do about it; where it closes a connection at most 123 bytes, which is what a close reason
   * holds. The name and a colon come first (PROTOCOL §14): clients need no list of names.
   */
  readonly text: string;
  /** Section of PROTOCOL.md that defines it. */
  readonly section: string;
}

export const entry = (
  name: ErrorName,
  scope: ErrorScope,
  retry: Retry,
  http: number,
  section: string,
  text: string,
): ErrorEntry => {
  const code = ERROR_CODES[name];
  // Those of client libraries are not sent.
  return { code, name, scope, retry, http, section, text: code < 4500 ? `${name}: ${text}` : text };
};
