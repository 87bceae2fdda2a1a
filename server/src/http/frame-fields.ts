/**
 * Reads what a request asks for by the checks of the wire, so that both have the same rules and errors.
 */
import { type ClientFrame, exceedsJsonBounds, type FieldFault, readClientFields } from '@ringhub/protocol';
import type { Failure } from './answers.ts';

type FrameOf<T> = Extract<ClientFrame, { readonly type: T }>;

/** The frame with these fields, or which of them is wrong. */
export function frameOf<T extends ClientFrame['type']>(type: T, ...fields: unknown[]): FrameOf<T> | Failure {
  const read = readClientFields([type, ...fields]);
  return read.type === 'invalid' ? failureOf(read, type) : (read as FrameOf<T>);
}

function failureOf({ error, detail }: FieldFault, type: string): Failure {
  const field = String(detail?.field ?? '').replace(`${type}.`, '');
  return { error, detail: { field } };
}

/** A number of a query, or its text where it is none: then the check says so. */
export const numberOf = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text;

/** The bindings that `?exchange=…&key=…` names: each key of one exchange; by default everything of `amq.topic`. */
export function bindingsOf(query: URLSearchParams): unknown[] {
  const keys = query.getAll('key');
  const exchange = query.get('exchange') ?? 'amq.topic';
  return (keys.length > 0 ? keys : ['#']).map((key) => [exchange, key]);
}

/** A flag of a query, `?flag` alone meaning true; its text where it is none, and `undefined` where it is not there. */
export const flagOf = (text: string | undefined): boolean | string | undefined =>
  text === undefined ? undefined : (FLAGS.get(text) ?? text);

const FLAGS = new Map([
  ['', true],
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The value that a body is: its bytes have a bound of their own, its depth that of a frame. Throws where it is no JSON. */
export function parseBody(body: string): unknown {
  if (exceedsJsonBounds(body, Number.POSITIVE_INFINITY)) throw new SyntaxError('nests too deep');
  return JSON.parse(body);
}

/** The object that a body is, if it is one. */
export function objectOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parseBody(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Of a body that is none. */
export const NO_OBJECT: Failure = {
  error: 'bad-argument',
  detail: { field: 'body', expected: 'a JSON object' },
};
