/**
 * The test's own books: what was published and confirmed, and what came out of each queue, by (publisher, number). They
 * trust nothing the hub says of itself.
 *
 * Where a message has to come out follows from its number.
 */
const EXCHANGE = 'kill';
export const PUBLISHERS = 4;
export const QUEUES = ['all', 'even', 'direct', 'mixed'] as const;
export type QueueName = (typeof QUEUES)[number];

/** The queues, and the bindings that lead there; `direct` is reached by its name, `mixed` from a volatile exchange. */
export const BINDINGS: readonly (readonly [QueueName, exchange: string, key: string])[] = [
  ['all', EXCHANGE, '#'],
  ['even', EXCHANGE, '*.even'],
  ['mixed', 'amq.topic', 'mixed.#'],
];
export const DURABLE_EXCHANGE = EXCHANGE;

export interface Way {
  readonly exchange: string;
  readonly key: string;
  readonly queues: readonly QueueName[];
}

export function wayOf(publisher: number, n: number): Way {
  if (n % 8 === 7) return { exchange: '', key: 'direct', queues: ['direct'] };
  if (n % 8 === 3) return { exchange: 'amq.topic', key: `mixed.p${publisher}`, queues: ['mixed'] };
  const isEven = n % 2 === 0;
  return {
    exchange: EXCHANGE,
    key: `p${publisher}.${isEven ? 'even' : 'odd'}`,
    queues: isEven ? ['all', 'even'] : ['all'],
  };
}

const PADDING = ' '.repeat(100);
export const payloadOf = (publisher: number, n: number): string => `${publisher}:${n}:${PADDING}`;
const PAYLOAD = /^(\d+):(\d+): {100}$/;

const MAX_TOLD = 20;

export class KillAccount {
  /** Messages of each publisher so far; each has the numbers 0 up to, not including, this. */
  readonly published = new Array<number>(PUBLISHERS).fill(0);
  confirmed = 0;
  /** Of these, published to the durable exchange. */
  loggedConfirmed = 0;
  /** Confirms that named an earlier publish. */
  duplicates = 0;
  /** Copies of them that have to come out of queues. */
  private copies = 0;
  /** Messages that came out of any queue, each as often as it came. */
  receipts = 0;
  redeliveries = 0;
  violations = 0;
  /** The first of them, in words. */
  readonly told: string[] = [];
  private readonly confirmations = Array.from({ length: PUBLISHERS }, () => new Set<number>());
  /** By queue and publisher: in which life of the hub a message came last. */
  private readonly received = new Map<string, Map<number, number>>();

  violation(text: string): void {
    this.violations++;
    if (this.told.length < MAX_TOLD) this.told.push(text);
  }

  confirm(publisher: number, n: number, isDuplicate: boolean): void {
    if (this.confirmations[publisher]!.has(n)) this.violation(`${publisher}:${n} was confirmed twice`);
    this.confirmations[publisher]!.add(n);
    this.confirmed++;
    this.copies += wayOf(publisher, n).queues.length;
    if (wayOf(publisher, n).exchange === EXCHANGE) this.loggedConfirmed++;
    if (isDuplicate) this.duplicates++;
  }

  /** About how many confirmed copies have not come out yet. */
  get waiting(): number {
    return this.copies - (this.receipts - this.redeliveries);
  }

  /** A message came out of a queue; returns publisher and number. */
  receive(queue: QueueName, payload: unknown, life: number, isMarked: boolean): [number, number] | undefined {
    const [, publisher, n] = (PAYLOAD.exec(String(payload)) ?? []).map(Number);
    if (publisher === undefined || n === undefined || !wayOf(publisher, n).queues.includes(queue)) {
      this.violation(`${queue} gave ${String(payload).trim()}, which was never published to it`);
      return undefined;
    }
    this.receipts++;
    const lives = this.receivedOf(queue, publisher);
    const before = lives.get(n);
    if (before !== undefined) this.redeliveries++;
    if (before === life && !isMarked) this.violation(`${queue} gave ${publisher}:${n} twice in one life`);
    lives.set(n, life);
    return [publisher, n];
  }

  /** At the end: everything confirmed must have come out, everywhere it should. */
  get missing(): string[] {
    const missing: string[] = [];
    for (let publisher = 0; publisher < PUBLISHERS; publisher++) {
      for (const n of this.confirmations[publisher]!) {
        for (const queue of wayOf(publisher, n).queues)
          if (!this.receivedOf(queue, publisher).has(n)) missing.push(`${queue} ${publisher}:${n}`);
      }
    }
    return missing;
  }

  /** How many different messages came out of a queue. */
  distinct(queue: QueueName): number {
    let sum = 0;
    for (let publisher = 0; publisher < PUBLISHERS; publisher++)
      sum += this.receivedOf(queue, publisher).size;
    return sum;
  }

  /** Holds what a reader of the durable log got against what was confirmed: each message once, in its publisher's order. */
  checkLog(name: string, payloads: readonly unknown[]): void {
    const last = new Array<number>(PUBLISHERS).fill(-1);
    const seen = Array.from({ length: PUBLISHERS }, () => new Set<number>());
    for (const payload of payloads) {
      const [, publisher, n] = (PAYLOAD.exec(String(payload)) ?? []).map(Number) as [unknown, number, number];
      if (n <= last[publisher]!) this.violation(`${name}: ${publisher}:${n} came after ${last[publisher]}`);
      last[publisher] = n;
      seen[publisher]!.add(n);
    }
    this.confirmations.forEach((confirmed, publisher) => {
      for (const n of confirmed) {
        const isLogged = wayOf(publisher, n).exchange === EXCHANGE;
        if (isLogged && !seen[publisher]!.has(n)) this.violation(`${name}: ${publisher}:${n} is missing`);
      }
    });
  }

  private receivedOf(queue: QueueName, publisher: number): Map<number, number> {
    const key = `${queue} ${publisher}`;
    let lives = this.received.get(key);
    if (!lives) {
      lives = new Map();
      this.received.set(key, lives);
    }
    return lives;
  }
}
