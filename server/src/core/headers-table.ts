/**
 * A headers exchange's table: bindings match on headers, as RabbitMQ's do (PROTOCOL §5).
 *
 * `all`: every header of the binding is there with that value; none asked for matches everything. `any`: one of
 * them is; none asked for matches nothing. A null value asks only that the header is there. Keys mean nothing.
 *
 * Indexed by one header and value of each binding (each of them for `any`), so that a message looks only at bindings
 * that share a header with it.
 */
import type { Headers, HeaderValue } from '@ringhub/protocol';
import type { BindingArguments, HeadersMatch, Matcher, RoutingTable } from './routing-table.ts';
import { TargetBag } from './target-bag.ts';

interface HeadersBinding<T extends object> {
  readonly match: HeadersMatch;
  readonly bag: TargetBag<T>;
  readonly places: readonly string[];
}

const MATCH_ALL_OF_NOTHING: HeadersMatch = { match: 'all', values: {} };
/** Where bindings stand that no header leads to. */
const EVERYWHERE = '';

export class HeadersTable<T extends object> implements RoutingTable<T> {
  bindingCount = 0;
  private readonly bindings = new Map<string, HeadersBinding<T>>();
  private readonly index = new Map<string, Set<HeadersBinding<T>>>();

  bind({ headers = MATCH_ALL_OF_NOTHING }: BindingArguments, target: T): boolean {
    const id = idOf(headers);
    const there = this.bindings.get(id);
    if (there) {
      if (!there.bag.add(target)) return false;
    } else {
      const binding = { match: headers, bag: new TargetBag([target]), places: placesOf(headers) };
      this.bindings.set(id, binding);
      for (const place of binding.places) this.at(place).add(binding);
    }
    this.bindingCount++;
    return true;
  }

  unbind({ headers = MATCH_ALL_OF_NOTHING }: BindingArguments, target: T): boolean {
    const id = idOf(headers);
    const binding = this.bindings.get(id);
    if (!binding?.bag.remove(target)) return false;
    this.bindingCount--;
    if (binding.bag.size > 0) return true;
    this.bindings.delete(id);
    for (const place of binding.places) {
      const there = this.index.get(place);
      there?.delete(binding);
      if (there?.size === 0) this.index.delete(place);
    }
    return true;
  }

  route(_key: string, headers: Headers | undefined): readonly T[] {
    const found = new TargetBag<T>();
    this.addMatching(EVERYWHERE, headers, found);
    for (const [name, value] of Object.entries(headers ?? {})) {
      this.addMatching(placeOf(name, value), headers, found);
      if (value !== null) this.addMatching(placeOf(name, null), headers, found);
    }
    return found.targets;
  }

  matcher({ headers = MATCH_ALL_OF_NOTHING }: BindingArguments): Matcher {
    return (_words, given) => headersMatch(headers, given);
  }

  private addMatching(place: string, headers: Headers | undefined, found: TargetBag<T>): void {
    for (const binding of this.index.get(place) ?? []) {
      if (!headersMatch(binding.match, headers)) continue;
      for (const target of binding.bag.targets) found.add(target);
    }
  }

  private at(place: string): Set<HeadersBinding<T>> {
    let there = this.index.get(place);
    if (!there) {
      there = new Set();
      this.index.set(place, there);
    }
    return there;
  }
}

/** Whether one binding matches a message's headers. */
export function headersMatch({ match, values }: HeadersMatch, given: Headers | undefined): boolean {
  const isThere = ([name, wanted]: [string, HeaderValue]): boolean => {
    if (!given || !Object.hasOwn(given, name)) return false;
    return wanted === null || given[name] === wanted;
  };
  const wanted = Object.entries(values);
  return match === 'all' ? wanted.every(isThere) : wanted.some(isThere);
}

const placeOf = (name: string, value: HeaderValue): string => JSON.stringify([name, value]);

/** `all` needs each of its headers, so one leads to it; `any` is found by each of them. */
function placesOf({ match, values }: HeadersMatch): string[] {
  const wanted = Object.entries(values).map(([name, value]) => placeOf(name, value));
  if (match === 'any') return wanted;
  return [wanted[0] ?? EVERYWHERE];
}

const idOf = ({ match, values }: HeadersMatch): string =>
  match + JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
