/**
 * A direct exchange's table: the routing key is the binding key, letter for letter.
 */
import { type BindingArguments, NO_TARGETS, type RoutingTable } from './routing-table.ts';
import { TargetBag } from './target-bag.ts';

export class DirectTable<T extends object> implements RoutingTable<T> {
  bindingCount = 0;
  private readonly byKey = new Map<string, TargetBag<T>>();

  bind({ key }: BindingArguments, target: T): boolean {
    let bag = this.byKey.get(key);
    if (!bag) {
      bag = new TargetBag();
      this.byKey.set(key, bag);
    }
    if (!bag.add(target)) return false;
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

  matches(binding: BindingArguments, key: string): boolean {
    return binding.key === key;
  }
}
