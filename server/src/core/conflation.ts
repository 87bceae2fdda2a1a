/**
 * Where waiting messages stand in their ring, by conflation key (PROTOCOL §6): the routing key, or a named header.
 *
 * At most one message of a key waits, so each entry is that message's. Bounded by the ring.
 */
import type { StoredRecord } from '../ports/engine.ts';

export class Conflation {
  private readonly indexes = new Map<string, number>();

  /** @param header name of the header with the key; a message without it goes by its routing key */
  constructor(private readonly header: string | undefined) {}

  /** Absolute index of the waiting message with the same key, or `undefined`. */
  find(record: StoredRecord): number | undefined {
    return this.indexes.get(this.keyOf(record));
  }

  waitsAt(record: StoredRecord, index: number): void {
    this.indexes.set(this.keyOf(record), index);
  }

  /** The message waits no longer. */
  forget(record: StoredRecord): void {
    this.indexes.delete(this.keyOf(record));
  }

  clear(): void {
    this.indexes.clear();
  }

  private keyOf({ exchange, key, headers }: StoredRecord): string {
    // With the exchange it was published to, of which one binding may bring several, and a later one more. Names and
    // keys may hold anything but control characters.
    const routingKey = `${exchange}\n${key}`;
    if (this.header === undefined) return routingKey;
    const value = headers && Object.hasOwn(headers, this.header) ? headers[this.header] : undefined;
    // The type is part of the key: 1 and "1" are two, and neither is the routing key "1".
    return value === undefined ? `key:${routingKey}` : `${typeof value}:${value}`;
  }
}
