/**
 * The one error class of the SDK. Codes come from the protocol's error table, text and most names from the hub.
 * What the SDK raises itself has its name for a text: the table's texts would be a quarter of the SDK.
 *
 * Here and elsewhere in the core, fields that the constructor sets are `declare`d: defined twice, they would be loaded twice.
 */
import {
  CLIENT_ERROR_CODES,
  type ClientErrorName,
  type ErrorDetail,
  type ErrorName,
  type Retry,
  retryOfCode,
} from '@ringhub/protocol';

/**
 * Something the hub refused, or the SDK could not do. Branch on `code` or `name`, never on `message`;
 * PROTOCOL §14 lists the codes.
 *
 * ```ts
 * import { connect, RinghubError } from '@ringhub/client';
 * const hub = await connect(url, { token });
 * try {
 *   await hub.publish('amq.topic', 'nobody.listens', 'hello', { mandatory: true });
 * } catch (error) {
 *   if (error instanceof RinghubError && error.name === 'unroutable') console.log('nobody is there');
 * }
 * await hub.close();
 * ```
 */
export class RinghubError extends Error {
  /** Number in the error table, 4000–4999; also the close code of errors that end a connection. */
  declare readonly code: number;
  /** Name in the error table, such as `unroutable`; `unknown` where the hub did not tell it. */
  declare readonly name: ErrorName | 'unknown';
  /** Whether doing the same again makes sense: `never`, `later`, or `resume` (the SDK reconnects by itself). */
  declare readonly retry: Retry;
  /** What exactly was wrong, such as the field; empty where there is nothing to say. */
  declare readonly detail: ErrorDetail;

  /** @internal */
  constructor(code: number, text: string, detail: ErrorDetail = {}, cause?: unknown) {
    super(text || 'connection lost', { cause });
    this.code = code;
    // The hub's text begins with the error's name, that of the SDK's own errors is no more.
    this.name = (/^[a-z-]+(?=: |$)/.exec(text)?.[0] as ErrorName) ?? 'unknown';
    this.retry = retryOfCode(code);
    this.detail = detail;
  }
}

/** An error the SDK raises itself. */
export const errorNamed = (name: ClientErrorName, cause?: unknown): RinghubError =>
  new RinghubError(CLIENT_ERROR_CODES[name], name, {}, cause);
