/**
 * Whose turn it is: the consumers of a queue that may have credit, in turn. Who has none leaves, and stands at the end again
 * once it offers credit; so a turn costs O(1), amortised, whatever the number of consumers.
 */
import type { Consumer } from './consumer.ts';
import { Fifo } from './fifo.ts';

export class ConsumerRotation {
  private readonly turns = new Fifo<Consumer>();

  /** A consumer may have credit now. */
  join(consumer: Consumer): void {
    if (consumer.inRotation || !consumer.hasCredit) return;
    consumer.inRotation = true;
    this.turns.push(consumer);
  }

  /** Whether anybody has credit; takes those in front who have none out. */
  get hasCredit(): boolean {
    for (let first = this.turns.peek(); first; first = this.turns.peek()) {
      if (first.hasCredit) return true;
      this.turns.shift();
      first.inRotation = false;
    }
    return false;
  }

  /** The consumer whose turn it is; only while one {@link hasCredit}. Its next turn comes after all others'. */
  turn(): Consumer {
    const consumer = this.turns.shift()!;
    this.turns.push(consumer);
    return consumer;
  }

  clear(): void {
    this.turns.clear();
  }
}
