/**
 * Where waiting messages stand in their ring, by conflation key (PROTOCOL §6): the routing key, or a named header.
 *
 * At most one message of a key waits, so each entry is that message's. Bounded by the ring.
 */
import type { StoredRecord } from '../ports/engine.ts';

export class Conflation {
  /** By exchange, then by key: a text made of both would have to be made and hashed for every message of every ring. */
  private readonly byRoute = new Map<string, Map<string, number>>();
  private readonly byHeader = new Map<string, number>();

  /** @param header name of the header with the key; a message without it goes by its routing key */
  constructor(private readonly header: string | undefined) {}

  /** Absolute index of the waiting message with the same key, or `undefined`. */
  find(record: StoredRecord): number | undefined {
    const value = this.headerOf(record);
    if (value !== undefined) return this.byHeader.get(value);
    return this.byRoute.get(record.exchange)?.get(record.key);
  }

  waitsAt(record: StoredRecord, index: number): void {
    const value = this.headerOf(record);
    if (value !== undefined) {
      this.byHeader.set(value, index);
      return;
    }
    // With the exchange it was published to, of which one binding may bring several, and a later one more.
    const keys = this.byRoute.get(record.exchange);
    if (keys) keys.set(record.key, index);
    else this.byRoute.set(record.exchange, new Map([[record.key, index]]));
  }

  /** The message waits no longer. */
  forget(record: StoredRecord): void {
    const value = this.headerOf(record);
    if (value !== undefined) {
      this.byHeader.delete(value);
      return;
    }
    const keys = this.byRoute.get(record.exchange);
    // The last exchange's map stays, or a ring that is empty now and then would make one each time.
    if (keys?.delete(record.key) && keys.size === 0 && this.byRoute.size > 1) {
      this.byRoute.delete(record.exchange);
    }
  }

  clear(): void {
    this.byRoute.clear();
    this.byHeader.clear();
  }

  private headerOf({ headers }: StoredRecord): string | undefined {
    if (this.header === undefined || !headers || !Object.hasOwn(headers, this.header)) return undefined;
    const value = headers[this.header];
    // The type is part of the key: 1 and "1" are two, and neither is the routing key "1".
    return value === undefined ? undefined : `${typeof value}:${value}`;
  }
}
