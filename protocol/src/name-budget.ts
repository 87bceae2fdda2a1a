/**
 * How many names of members one WebSocket message may bring (PROTOCOL §2); inlined values are not looked into, and not counted.
 *
 * A name that an engine has not met costs it twenty times what a known one does, and so does a known one in another place: each makes a
 * shape of objects. Who sends thousands of messages at once gives them the same few headers; so what repeats an earlier row of names is free.
 */

/** Of one object: twice the headers that a message may have. */
export const MAX_OBJECT_NAMES = 64;
/** Names that are not asked whether they repeat others: most messages have fewer, and pay nothing. */
export const FREE_NAMES = 128;
/** Behind those, names in rows not met since. */
export const MAX_NEW_NAMES = 128;

/** Stands for an object that is out of bounds: every check of a field refuses it, as that field's fault. */
export const TOO_MANY_NAMES = Symbol('too many names');

export class NameBudget {
  private names = 0;
  private newNames = 0;
  private lastRow: readonly string[] | undefined;
  private rows: Set<string> | undefined;
  private spent = false;

  /** Whether the next object has to be told by its names. */
  get asksRows(): boolean {
    return this.names >= FREE_NAMES;
  }

  /** Whether an object was out of bounds: then no other is taken. */
  get isSpent(): boolean {
    return this.spent;
  }

  add(count: number): void {
    this.names += count;
  }

  /** Whether the names of one more object, in their order, are within bounds. */
  takes(names: readonly string[]): boolean {
    if (names.length === 0 || (this.lastRow && isSame(names, this.lastRow))) return true;
    const row = names.join('\0');
    this.rows ??= new Set();
    if (!this.rows.has(row)) {
      this.newNames += names.length;
      this.spent = this.newNames > MAX_NEW_NAMES;
      if (this.spent) return false;
      this.rows.add(row);
    }
    this.lastRow = names;
    return true;
  }
}

/** Texts met lately are the same strings, so that comparing them costs little. */
function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
