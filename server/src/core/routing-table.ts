/**
 * The routing table of an exchange: which targets get a message (PROTOCOL §5). One kind for each exchange type.
 *
 * Invariants: a target stands in a result once; a binding made twice is gone when taken back twice; the array
 * of `route` is the table's own, to be read at once and never changed.
 */
import type { Headers } from '@ringhub/protocol';

/** How a target is bound: a key or pattern, and for headers exchanges what to match. */
export interface BindingArguments {
  readonly key: string;
  readonly headers?: HeadersMatch | undefined;
}

/** `all` or `any` of these; a null value asks only that the header is there. */
export interface HeadersMatch {
  readonly match: 'all' | 'any';
  readonly values: Headers;
}

export interface RoutingTable<T extends object> {
  readonly bindingCount: number;
  /** False where this very binding was there already. */
  bind(binding: BindingArguments, target: T): boolean;
  /** True where the binding is gone now. */
  unbind(binding: BindingArguments, target: T): boolean;
  route(key: string, headers: Headers | undefined): readonly T[];
  /** Whether one binding alone matches: for what is read from a log. */
  matcher(binding: BindingArguments): Matcher;
}

/** Tells of a message's key, in words, and headers whether a binding matches. */
export type Matcher = (words: readonly string[], headers: Headers | undefined) => boolean;

/**
 * Arguments as they come in a binding: the headers to match, `x-match` among them, others with `x-` passed over. Sorted:
 * the same ones in another order are the same binding.
 */
export function toArguments(key: string, args: Headers | undefined): BindingArguments {
  if (!args) return { key };
  const wanted = Object.entries(args).filter(([name]) => !name.startsWith('x-'));
  const values = Object.fromEntries(wanted.sort(([a], [b]) => (a < b ? -1 : 1)));
  return { key, headers: { match: args['x-match'] === 'any' ? 'any' : 'all', values } };
}

/** The arguments of a binding as they came, but for those passed over. */
export const fromArguments = ({ headers }: BindingArguments): Headers | undefined =>
  headers && { 'x-match': headers.match, ...headers.values };

export const NO_TARGETS: readonly never[] = [];
