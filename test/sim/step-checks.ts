/**
 * What holds after every single step, counted anew from the structures themselves: the ledger's law of each queue,
 * the memory budget, and every bound.
 */

import { MAX_RANGES } from '../../server/src/core/gap-entry.ts';
import type { Session } from '../../server/src/core/session.ts';
import type { SessionQueue } from '../../server/src/core/session-queue.ts';
import type { StoredRecord } from '../../server/src/ports/engine.ts';
import { queueBindings } from './balance.ts';
import type { HubProcess } from './hub-process.ts';
import type { World } from './world.ts';

export class StepChecks {
  /** How many rings hold each record. */
  readonly #holders = new Map<StoredRecord, number>();

  constructor(private readonly world: World) {}

  check(process: HubProcess): void {
    const { context, sessions } = process.insides;
    this.#holders.clear();
    let bindings = context.exchanges.exchangeBindingCount + queueBindings(context);
    let parked = 0;
    for (const session of context.sessions.values()) {
      bindings += this.#session(session);
      if (session.state === 'parked') parked++;
      if (session.state === 'closed') this.#fail('session', `closed session ${session.id} is still there`);
      if ((session.state === 'attached') !== (session.link !== undefined)) {
        this.#fail('session', `${session.state} session ${session.id} and its link`);
      }
    }
    if (bindings !== context.bindings)
      this.#fail('bindings', `${bindings} counted, ${context.bindings} said`);
    if (parked !== sessions.parkedCount)
      this.#fail('parked', `${parked} counted, ${sessions.parkedCount} said`);
    if (parked > context.limits.maxParkedSessions) this.#fail('bound', `${parked} parked sessions`);
    for (const { name, state } of context.namedQueues.values())
      if (state.residual !== 0) this.#fail('ledger', `the law of ${name} leaves over ${state.residual}`);
    if (context.endedResidual !== 0) this.#fail('ledger', `ended queues leave over ${context.endedResidual}`);
    this.#budget(process);
    this.#log(process);
  }

  #session(session: Session): number {
    let bindings = 0;
    let bytes = 0;
    for (const { queue, bindings: own } of session.subscriptions.values()) {
      bindings += own.length;
      bytes += this.#queue(queue);
    }
    if (bindings !== session.bindings)
      this.#fail('bindings', `session counts ${session.bindings}, not ${bindings}`);
    if (bytes !== session.bytes.held)
      this.#fail('session-bytes', `${bytes} held, ${session.bytes.held} said`);
    if (bytes > session.bytes.max)
      this.#fail('bound', `a session holds ${bytes} bytes of ${session.bytes.max}`);
    // Confirms that wait are counted by the run, at a flat rate.
    const output = session.output.reduce((sum, frame) => sum + frame.length, 0);
    const { outputBytes, confirms } = session;
    const isExact = confirms.isEmpty ? output === outputBytes : output < outputBytes;
    if (!isExact) this.#fail('output', `${output} waiting, ${outputBytes} said`);
    if (outputBytes > session.limits.maxOutputBytes)
      this.#fail('bound', `${outputBytes} bytes of answers wait`);
    if (!session.link && session.output.length > 0) this.#fail('output', 'answers wait for nobody');
    return bindings;
  }

  /** Walks the ring and the window of a queue; returns the bytes it holds. */
  #queue(queue: SessionQueue): number {
    const { ready, window, ledger, settings } = queue;
    let [messages, bytes] = [0, 0];
    let wasGap = false;
    for (let i = 0; i < ready.length; i++) {
      const entry = ready.peek(i);
      if (!entry) {
        this.#fail('ring', `queue ${queue.id} has a hole in its ring`);
        continue;
      }
      const isGap = entry.kind === 'gap';
      if (isGap && wasGap) this.#fail('gaps-merge', `queue ${queue.id} has two gaps side by side`);
      wasGap = isGap;
      if (isGap && entry.ranges.length > MAX_RANGES)
        this.#fail('bound', `a gap has ${entry.ranges.length} ranges`);
      if (entry.kind !== 'message') continue;
      messages++;
      bytes += entry.bytes;
      this.#hold(entry);
    }
    if (messages !== ready.messages || bytes !== ready.bytes) {
      this.#fail(
        'ring',
        `queue ${queue.id}: ${messages}/${bytes} waiting, ${ready.messages}/${ready.bytes} said`,
      );
    }
    let [unsettled, inflight, inflightBytes] = [0, 0, 0];
    for (let tag = window.firstTag; tag <= window.lastTag; tag++) {
      const entry = window.get(tag);
      if (!entry) continue;
      unsettled++;
      if (entry.kind !== 'message') continue;
      inflight++;
      inflightBytes += entry.bytes;
      this.#hold(entry);
    }
    if (unsettled !== window.unsettled || inflight !== window.messages || inflightBytes !== window.bytes) {
      this.#fail('window', `queue ${queue.id}: ${unsettled}/${inflight} unsettled, ${window.unsettled} said`);
    }
    if (ledger.routed !== ledger.settled + messages + inflight) {
      this.#fail(
        'ledger',
        `queue ${queue.id}: ${ledger.routed} routed, ${ledger.settled} settled, ${messages} ready, ${inflight} inflight`,
      );
    }
    if (messages + inflight > settings.capacity)
      this.#fail('bound', `queue ${queue.id}: ${messages + inflight} items`);
    if (window.span > settings.capacity) this.#fail('bound', `queue ${queue.id}: a span of ${window.span}`);
    if (bytes + inflightBytes > settings.capacityBytes) {
      this.#fail('bound', `queue ${queue.id}: ${bytes + inflightBytes} bytes`);
    }
    return bytes + inflightBytes;
  }

  #hold(record: StoredRecord): void {
    this.#holders.set(record, (this.#holders.get(record) ?? 0) + 1);
  }

  #budget({ insides: { context } }: HubProcess): void {
    let held = 0;
    for (const [record, holders] of this.#holders) {
      held += record.bytes;
      if (record.holders !== holders) {
        this.#fail('budget', `${holders} rings hold offset ${record.offset}, ${record.holders} said`);
      }
    }
    const { heldBytes, budgetBytes } = context.budget;
    if (held !== heldBytes) this.#fail('budget', `${held} bytes are held, ${heldBytes} said`);
    if (held > budgetBytes) this.#fail('bound', `${held} bytes are held, of ${budgetBytes}`);
  }

  #log({ engine }: HubProcess): void {
    for (const log of engine.logs) {
      const { first, last, messages } = engine.bounds(log);
      if (messages !== last - first + 1) this.#fail('log', `${messages} messages from ${first} to ${last}`);
    }
  }

  #fail(invariant: string, text: string): void {
    this.world.fail(invariant, text);
  }
}
