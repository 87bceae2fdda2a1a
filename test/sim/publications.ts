/**
 * What applications published and what they were told of it, held against the truth (PROTOCOL §11).
 */
import type { Receipt, RinghubError } from '@ringhub/client';
import type { Truth } from './truth.ts';
import { PASSING } from './wishes.ts';
import type { World } from './world.ts';

export interface Publication {
  readonly publisher: string;
  /** Order of publishing, over all instances of one publisher. */
  readonly number: number;
  readonly payload: string;
  readonly exchange: string;
  readonly key: string;
  readonly id: string | undefined;
  readonly mandatory: boolean;
  /** Counts the SDK instances of the publisher. */
  readonly instance: number;
  outcome: 'pending' | 'confirmed' | 'refused' | 'unknown' | 'never-sent' | 'abandoned';
  receipt?: Receipt;
  error?: RinghubError;
}

/** Refused by the SDK before anything was sent. */
const NEVER_SENT = new Set(['outbox-full', 'closed']);

export class Publications {
  readonly all: Publication[] = [];
  /** Publishers and instances that lost a session: only they may not know an outcome. */
  readonly lostSessions = new Set<string>();
  /** Publishers and instances that resumed a session: they send unconfirmed numbers again. */
  readonly resumed = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly truth: Truth,
    /** Whether it could be refused for a while: forbidden, or to an exchange that was not there. */
    private readonly mayBeRefused: (publication: Publication) => boolean,
  ) {}

  /** Without an answer yet. */
  pending = 0;

  add(publication: Publication, promise: Promise<Receipt>): Promise<void> {
    this.all.push(publication);
    this.pending++;
    return promise.then(
      (receipt) => this.#confirmed(publication, receipt),
      (error: RinghubError) => this.#failed(publication, error),
    );
  }

  /** Its application is gone, and will never know. */
  abandon(publisher: string, instance: number): void {
    for (const publication of this.all) {
      if (publication.publisher !== publisher || publication.instance !== instance) continue;
      if (publication.outcome !== 'pending') continue;
      publication.outcome = 'abandoned';
      this.pending--;
    }
  }

  #confirmed(publication: Publication, receipt: Receipt): void {
    if (publication.outcome === 'abandoned') return;
    this.pending--;
    publication.outcome = 'confirmed';
    publication.receipt = receipt;
    const { position } = receipt;
    this.world.note(`confirmed ${publication.payload.split(' ')[0]} at ${position.offset}`);
  }

  #failed(publication: Publication, error: RinghubError): void {
    if (publication.outcome === 'abandoned') return;
    this.pending--;
    publication.error = error;
    const isUnknown = error.name === 'outcome-unknown';
    publication.outcome = isUnknown ? 'unknown' : NEVER_SENT.has(error.name) ? 'never-sent' : 'refused';
    this.world.note(`${error.name} ${publication.payload.split(' ')[0]}`);
    if (!isUnknown) return;
    // Shut out for good, its client gives up what it has sent.
    const isShutOut = (error.cause as Error | undefined)?.name === 'unauthorized';
    if (!isShutOut && !this.#isLost(publication))
      this.#fail('outcome-unknown', publication, 'no session was lost');
  }

  /** At the end: everything is settled and true. */
  check(): void {
    const calls = new Map<string, number>();
    for (const { payload } of this.all) calls.set(payload, (calls.get(payload) ?? 0) + 1);
    const last = new Map<string, { number: number; offset: number }>();
    for (const publication of this.all) {
      const { outcome, payload, receipt } = publication;
      const stored = this.truth.ofPayload(payload);
      if (outcome === 'pending') this.#fail('settled', publication, 'never got an answer');
      // Ids are remembered as long as a log lives: published again after a restart, it is a new message.
      // Sent again after a lost session, to an exchange that has come to be durable meanwhile, nobody knows of the other log.
      const isPassing = PASSING.includes(publication.exchange as 'y.1');
      const isOnce = calls.get(payload) === 1 && !isPassing;
      const logs = isOnce ? 1 : new Set(stored.map(({ epoch }) => epoch)).size;
      if (stored.length > logs)
        this.#fail('log-once', publication, `stands ${stored.length} times in the log`);
      if (receipt) this.#checkReceipt(publication, receipt);
      const isRefused = outcome === 'refused' || outcome === 'never-sent';
      const isOfTheOther = isPassing && this.#isLost(publication) && stored.every(({ log }) => log === 'v');
      if (stored.length > 0 && calls.get(payload) === 1 && isRefused && !isOfTheOther) {
        this.#fail('refused', publication, `${publication.error?.name}, but stored`);
      }
      // What was published again with its id: which call was the first to arrive, nobody needs to know.
      const [taken] = stored;
      if (!taken || calls.get(payload) !== 1) continue;
      // Refused at first, and sent again after a lost session, it may come late.
      if (publication.mandatory || (this.#isLost(publication) && this.mayBeRefused(publication))) continue;
      const log = `${publication.publisher} ${publication.instance} ${taken.epoch}`;
      const before = last.get(log);
      if (before && before.offset >= taken.offset) {
        this.#fail('publisher-order', publication, `stands before number ${before.number}`);
      }
      last.set(log, { number: publication.number, offset: taken.offset });
    }
  }

  #isLost({ publisher, instance }: Publication): boolean {
    return this.lostSessions.has(`${publisher} ${instance}`);
  }

  #checkReceipt(publication: Publication, { position, duplicate }: Receipt): void {
    // Sent again after a lost session, it is known by its number, which tells no place.
    if (duplicate && position.offset === 0) {
      if (this.truth.ofPayload(publication.payload).length === 0)
        this.#fail('confirmed', publication, 'is told to be stored, and nowhere to be found');
      return;
    }
    const taken = this.truth.at(position.epoch, position.offset);
    if (!taken) {
      this.#fail('confirmed', publication, `confirmed at ${position.offset}, where nothing is`);
    } else if (taken.payload !== publication.payload) {
      this.#fail('confirmed', publication, `another message is at ${position.offset}`);
    }
    const mayBeAgain = this.resumed.has(`${publication.publisher} ${publication.instance}`);
    if (duplicate && publication.id === undefined && !mayBeAgain) {
      this.#fail('confirmed', publication, 'is told to be a duplicate, without id or resume');
    }
  }

  #fail(invariant: string, { publisher, number }: Publication, text: string): void {
    this.world.fail(invariant, `publish ${number} of ${publisher}: ${text}`);
  }
}
