/**
 * A fanout exchange's table: every target gets every message; keys mean nothing.
 */
import type { BindingArguments, Matcher, RoutingTable } from './routing-table.ts';
import { TargetBag } from './target-bag.ts';

export class FanoutTable<T extends object> implements RoutingTable<T> {
  private readonly bag = new TargetBag<T>();

  get bindingCount(): number {
    return this.bag.size;
  }

  bind(_binding: BindingArguments, target: T): boolean {
    return this.bag.add(target);
  }

  unbind(_binding: BindingArguments, target: T): boolean {
    return this.bag.remove(target);
  }

  route(): readonly T[] {
    return this.bag.targets;
  }

  matcher(): Matcher {
    return () => true;
  }
}
