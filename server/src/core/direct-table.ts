/**
 * A direct exchange's table: the routing key is the binding key, letter for letter.
 */
import { splitWords } from '@ringhub/protocol';
import { type BindingArguments, type Matcher, NO_TARGETS, type RoutingTable } from './routing-table.ts';
import { TargetBag } from './target-bag.ts';

export class DirectTable<T extends object> implements RoutingTable<T> {
  bindingCount = 0;
  private readonly byKey = new Map<string, TargetBag<T>>();

  bind({ key }: BindingArguments, target: T): boolean {
    const bag = this.byKey.get(key);
    if (!bag) this.byKey.set(key, new TargetBag([target]));
    else if (!bag.add(target)) return false;
    this.bindingCount++;
    return true;
  }

  unbind({ key }: BindingArguments, target: T): boolean {
    const bag = this.byKey.get(key);
    if (!bag?.remove(target)) return false;
    this.bindingCount--;
    if (bag.size === 0) this.byKey.delete(key);
    return true;
  }

  route(key: string): readonly T[] {
    return this.byKey.get(key)?.targets ?? NO_TARGETS;
  }

  matcher({ key }: BindingArguments): Matcher {
    const wanted = splitWords(key);
    return (words) => words.length === wanted.length && words.every((word, i) => word === wanted[i]);
  }
}
