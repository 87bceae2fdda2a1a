/**
 * Time and order: a clock that stands still until the next event, and a queue of events.
 *
 *     after(ms, …) ─► [ by time, then by a random number ] ─► one event ─► microtasks drained ─► checks ─► next
 *
 * Nothing else makes anything happen in a run, so it depends on its seed alone. Each event and each note goes into
 * the trace (the last lines are kept) and its hash (all of them): equal hashes, equal runs.
 */
import { Random } from './random.ts';

/** A promise of the product was broken; `invariant` says which one. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly invariant: string,
    text: string,
  ) {
    super(`${invariant}: ${text}`);
  }
}

export interface Timer {
  cancel(): void;
}

interface Event {
  readonly timeMs: number;
  readonly order: number;
  readonly label: string;
  run: (() => void) | undefined;
}

/** Events queued on Node's loop at once: between two of them it drains all microtasks. */
const STEPS_A_TURN = 64;

export class World {
  nowMs = 0;
  steps = 0;
  violation: Violation | undefined;
  readonly random: Random;
  /** How many lines of the trace are kept. */
  static traceLines = 400;
  /** Called once between any two events, when all promises have settled that can. */
  onStep: () => void = () => {};

  readonly #order: Random;
  readonly #heap: Event[] = [];
  readonly #trace: string[] = [];
  #hash = 0x811c9dc5;
  #pending = new Map<string, number>();

  constructor(readonly seed: number) {
    this.random = new Random(seed);
    this.#order = this.random.fork('order');
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines of the trace. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Events to come of one label. */
  pending(label: string): number {
    return this.#pending.get(label) ?? 0;
  }

  after(delayMs: number, label: string, run: () => void): Timer {
    const timeMs = this.nowMs + Math.max(0, Math.ceil(delayMs));
    const event: Event = { timeMs, order: this.#order.next(), label, run };
    this.#pending.set(label, this.pending(label) + 1);
    this.#push(event);
    return {
      cancel: () => {
        if (event.run) this.#pending.set(label, this.pending(label) - 1);
        event.run = undefined;
      },
    };
  }

  /** Writes a line of the trace. */
  note(text: string): void {
    const line = `${this.nowMs} ${text}`;
    let hash = this.#hash;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    if (this.#trace.length >= World.traceLines * 2) this.#trace.splice(0, World.traceLines);
    this.#trace.push(line);
  }

  /** A check failed. The first one counts, and ends the run at the next step. */
  fail(invariant: string, text: string): void {
    if (this.violation) return;
    this.violation = new Violation(invariant, text);
    this.note(`VIOLATION ${invariant}: ${text}`);
  }

  /** Runs events until `done`, or for so long; true where it is done. Rejects with a violation. */
  run(done: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.nowMs + limitMs;
    return new Promise((resolve, reject) => {
      let isOver = false;
      let queued = 0;
      const finish = (result: boolean): void => {
        isOver = true;
        if (this.violation) reject(this.violation);
        else resolve(result);
      };
      const step = (): void => {
        queued--;
        if (isOver) return;
        try {
          if (!this.violation) this.onStep();
          const next = this.violation ? undefined : this.#next(endMs);
          if (this.violation || done()) finish(true);
          else if (next) this.#perform(this.#pop());
          else finish(false);
        } catch (error) {
          isOver = true;
          reject(error);
        }
        if (queued === 0 && !isOver) queue();
      };
      const queue = (): void => {
        for (; queued < STEPS_A_TURN; queued++) setImmediate(step);
      };
      queue();
    });
  }

  #perform(event: Event): void {
    const { run, label } = event;
    event.run = undefined;
    this.nowMs = event.timeMs;
    this.steps++;
    this.#pending.set(label, this.pending(label) - 1);
    this.note(label);
    run!();
  }

  /** The next event that was not cancelled, if it is due before `endMs`. */
  #next(endMs: number): Event | undefined {
    while (this.#heap[0] && !this.#heap[0].run) this.#pop();
    const next = this.#heap[0];
    return next && next.timeMs <= endMs ? next : undefined;
  }

  // ── a binary heap ──

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
