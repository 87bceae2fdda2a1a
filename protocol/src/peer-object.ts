/**
 * An object whose names a peer chose, as it is read member by member: within the budget of its message, and with every name a property of
 * the object's own, as `JSON.parse` makes it; of a name given twice the last holds.
 */
import { MAX_OBJECT_NAMES, type NameBudget, TOO_MANY_NAMES } from './name-budget.ts';

/**
 * With more members an object is a table from the start. An engine has room for so many shapes; once those who name everything anew have
 * filled it, objects that begin as others do become tables one by one, at five times the price.
 */
const FEW = 8;

export class PeerObject<T> {
  private readonly object: Record<string, T>;
  private names: string[] | undefined;
  private values: T[] | undefined;
  private count = 0;

  /** @param expected how many members there will be, where that is known */
  constructor(
    private readonly budget: NameBudget,
    expected = 0,
  ) {
    this.object = expected > FEW ? Object.create(null) : {};
    if (!budget.asksRows) return;
    this.names = [];
    this.values = [];
  }

  /** Whether it has more members than any object may: what else it has need not be read. */
  get isFull(): boolean {
    return this.count > MAX_OBJECT_NAMES;
  }

  add(name: string, value: T): void {
    if (++this.count > MAX_OBJECT_NAMES) return;
    if (this.names === undefined) setOwn(this.object, name, value);
    else {
      this.names.push(name);
      this.values!.push(value);
    }
  }

  end(): Record<string, T> | typeof TOO_MANY_NAMES {
    const { names, values, object } = this;
    if (this.isFull || this.budget.isSpent) return TOO_MANY_NAMES;
    this.budget.add(this.count);
    if (names === undefined) return object;
    if (!this.budget.takes(names)) return TOO_MANY_NAMES;
    for (let i = 0; i < names.length; i++) setOwn(object, names[i]!, values![i]!);
    return object;
  }
}

function setOwn<T>(object: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}
