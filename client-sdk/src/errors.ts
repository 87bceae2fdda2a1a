/**
 * The one error class of the SDK. Codes and names come from the protocol's error table; the text is the hub's.
 * What the SDK raises itself has its name for a text: the table's texts would be a quarter of the SDK.
 *
 * Here and elsewhere in the core, fields that the constructor sets are `declare`d: defined twice, they would be loaded twice.
 */
import { ERROR_CODES, type ErrorDetail, type ErrorName, type Retry, retryOfCode } from '@ringhub/protocol';

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
  /** Name in the error table, such as `unroutable`; `unknown` for a code of a later version. */
  declare readonly name: ErrorName | 'unknown';
  /** Whether doing the same again makes sense: `never`, `later`, or `resume` (the SDK reconnects by itself). */
  declare readonly retry: Retry;
  /** What exactly was wrong, such as the field; empty where there is nothing to say. */
  declare readonly detail: ErrorDetail;

  /** @internal */
  constructor(code: number, text?: string, detail: ErrorDetail = {}, cause?: unknown) {
    const name = nameOfCode(code);
    super(text || name, { cause });
    this.code = code;
    this.name = name;
    this.retry = retryOfError(code);
    this.detail = detail;
  }
}

/** An error the SDK raises itself. */
export const errorNamed = (name: ErrorName, cause?: unknown): RinghubError =>
  new RinghubError(ERROR_CODES[name], name, {}, cause);

function nameOfCode(code: number): ErrorName | 'unknown' {
  const names = Object.keys(ERROR_CODES) as ErrorName[];
  return names.find((name) => ERROR_CODES[name] === code) ?? 'unknown';
}

/** Command errors by range (PROTOCOL §14), connection errors as a close code says. */
function retryOfError(code: number): Retry {
  if (code < 4300) return retryOfCode(code);
  const later = (code >= 4400 && code < 4500) || code === ERROR_CODES['outbox-full'];
  return later ? 'later' : 'never';
}
