/**
 * Publishes on their way in: number, window, size, permission, route, engine, confirm (PROTOCOL §11).
 */
import {
  ERRORS,
  type ErrorDetail,
  type ErrorName,
  type LogId,
  type Payload,
  type Publish,
} from '@ringhub/protocol';
import type { Admission, Settled } from '../core/publish-window.ts';
import type { Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type { PublishNumber, PublishResult } from '../ports/engine.ts';
import type { PublishOutcome, PublishRequest } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import { NO_QUEUES, type QueueIntake, type Taking } from './queue-intake.ts';
import type { Refusal } from './subscriptions.ts';

/** Whom the hub's own messages are from: no client has a subject with a space in front. */
const HUB_SUBJECT = ' hub';

/** Whether anything of a publish is stored on disk. */
const isStored = ({ log, taking }: Way): boolean => log === 'd' || taking.stored.length > 0;

/** The number of a publish, and that which it had in a session that was lost. */
function numbersOf(session: Session, { seq, properties: { resent } }: Publish): PublishNumber[] {
  const number = { session: session.id, seq, window: session.limits.publishWindowMessages };
  return resent ? [number, { session: resent[0], seq: resent[1] }] : [number];
}

const NO_NUMBERS: readonly PublishNumber[] = [];

const payloadBytes = (payload: Payload): number =>
  typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;

/** Where a publish goes; with `refuseNew` only if it was published before. */
interface Way {
  readonly log: LogId;
  readonly reached: readonly number[];
  readonly taking: Taking;
  readonly refuseNew?: ErrorName;
}

export class Publishing {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
    private readonly intake: QueueIntake,
  ) {}

  /**
   * A numbered publish of a session.
   *
   * @returns an error that ends the connection, or `undefined`
   */
  publish(session: Session, frame: Publish): ErrorName | undefined {
    const { seq } = frame;
    const bytes = payloadBytes(frame.payload);
    const admission = session.publishes.admit(seq, bytes);
    if (admission.kind !== 'new') return this.answerAtOnce(session, seq, admission);
    const { resent, id } = frame.properties;
    // An id that is stored with its log is all it takes; the ids of a log in memory may have gone with it.
    const isKnownById = id !== undefined && this.hub.exchanges.get(frame.exchange)?.log === 'd';
    if (resent && !isKnownById) this.publishAgain(session, frame, bytes, resent);
    else this.take(session, frame, bytes);
    return undefined;
  }

  /** Checked, routed and handed to the engine. */
  private take(session: Session, frame: Publish, bytes: number, fate?: 'fate-unknown'): void {
    const { seq } = frame;
    const way = this.wayOf(session.principal, frame, bytes, session.limits.maxPayloadBytes, fate);
    if ('error' in way) {
      session.publishes.settle(seq, way.error);
      this.refuse(session, seq, way);
      return;
    }
    const numbers = isStored(way) ? numbersOf(session, frame) : NO_NUMBERS;
    const { taking } = way;
    // Thousands of these wait for the disk at a time: it holds no more than it needs.
    this.append(session.principal.subject, frame, bytes, way, numbers, (result) => {
      this.taken(taking, result);
      this.settle(session, seq, settledOf(result, taking));
    });
  }

  /** A publish that a lost session may have made already: it is confirmed as it was, published now, or nobody knows. */
  private publishAgain(
    session: Session,
    frame: Publish,
    bytes: number,
    [lost, number]: NonNullable<Publish['properties']['resent']>,
  ): void {
    this.hub.engine.fateOf(session.principal.subject, { session: lost, seq: number }, (fate) => {
      if (fate === 'stored') {
        this.hub.counters.duplicate++;
        const log = this.hub.exchanges.get(frame.exchange)?.log ?? 'd';
        this.settle(session, frame.seq, { log, offset: 0, sessions: 0, duplicate: true });
      } else if (fate === 'store-failed') this.settle(session, frame.seq, fate);
      // Where its way leads into memory only, it may have been published by a hub that is no more.
      else if (fate === 'not-stored' && this.isStoredWay(frame)) this.take(session, frame, bytes);
      // Its id, if it has one, may still tell.
      else if (frame.properties.id !== undefined) this.take(session, frame, bytes, 'fate-unknown');
      else this.settle(session, frame.seq, 'fate-unknown');
    });
  }

  /** Whether anything of a publish would be stored. Of an exchange that is gone nobody knows whether its log is. */
  private isStoredWay({ exchange: name, key, properties: { headers } }: Publish): boolean {
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) return false;
    if (exchange.log === 'd') return true;
    return this.hub.exchanges.resolve(exchange, key, headers).queues.some(({ isDurable }) => isDurable);
  }

  private settle(session: Session, seq: number, outcome: Settled): void {
    session.publishes.settle(seq, outcome);
    if (session.link) this.answer(session, seq, outcome);
  }

  /** A frame whose number could be read, but whose content was wrong. */
  refuseInvalid(session: Session, seq: number, refusal: Refusal): ErrorName | undefined {
    const admission = session.publishes.refuse(seq, refusal.error);
    if (admission.kind !== 'new') return this.answerAtOnce(session, seq, admission);
    return this.refuse(session, seq, refusal);
  }

  /** What is not to be published: seen before, or too much. */
  private answerAtOnce(
    session: Session,
    seq: number,
    admission: Exclude<Admission, { kind: 'new' }>,
  ): ErrorName | undefined {
    switch (admission.kind) {
      case 'sequence':
        return 'publish-sequence';
      case 'pending':
        return undefined;
      case 'window':
        return this.refuse(session, seq, { error: 'publish-window' });
      case 'answered': {
        const { outcome } = admission;
        if (typeof outcome === 'string') return this.refuse(session, seq, { error: outcome });
        this.hub.counters.duplicate++;
        return this.answer(session, seq, { ...outcome, duplicate: true });
      }
      default:
        return admission satisfies never;
    }
  }

  /** A publish without a session. */
  publishRequest(
    principal: Principal,
    request: PublishRequest,
    done: (outcome: PublishOutcome) => void,
  ): void {
    const bytes = payloadBytes(request.payload);
    const way = this.wayOf(principal, request, bytes, this.hub.limitsOf(principal.role).maxPayloadBytes);
    if ('error' in way) {
      this.countRefused(way.error);
      done({ kind: 'refused', ...way });
      return;
    }
    this.append(principal.subject, request, bytes, way, NO_NUMBERS, (result) => {
      this.taken(way.taking, result);
      if (result.kind === 'refused') {
        this.countRefused(result.error);
        done(result);
        return;
      }
      const duplicate = result.kind === 'duplicate';
      const { log, offset } = duplicate ? result : result.record;
      const { epoch } = this.hub.engine.bounds(log);
      done({
        kind: 'taken',
        log,
        epoch,
        offset,
        sessions: duplicate ? 0 : result.record.sessions,
        duplicate,
        ...(way.taking.receipt && !duplicate && { queues: way.taking.receipt }),
      });
    });
  }

  /** The hub's own publish, to an internal exchange; what becomes of it interests nobody. */
  publishOwn(exchange: string, key: string, payload: string): void {
    const bytes = payloadBytes(payload);
    const { reached, queues } = this.hub.exchanges.resolve(this.hub.exchanges.get(exchange)!, key, undefined);
    const request = { exchange, key, payload, properties: { contentType: 'application/json' } };
    const taking = this.intake.admit(queues, { payloadBytes: bytes, key, headers: undefined });
    this.append(HUB_SUBJECT, request, bytes, { log: 'v', reached, taking }, NO_NUMBERS, (result) => {
      this.taken(taking, result);
    });
  }

  /**
   * Where a publish goes, or why it goes nowhere. Named queues have kept room for it.
   *
   * @param fate why it is not to be published now, should its id be new
   */
  private wayOf(
    principal: Principal,
    { exchange: name, key, properties }: PublishRequest,
    bytes: number,
    maxBytes: number,
    fate?: 'fate-unknown',
  ): Refusal | Way {
    const { headers, id, mandatory } = properties;
    if (this.hub.draining) return refusing(id, fate, { error: 'unavailable' });
    if (bytes > maxBytes) {
      const detail = { bytes, maxPayloadBytes: maxBytes };
      return refusing(id, fate, { error: 'payload-too-large', detail });
    }
    // Whoever may not write there is told nothing of it: not that it is there, nor who listens.
    const isPermitted = principal.may('publish', name, key);
    const exchange = isPermitted ? this.hub.exchanges.get(name) : undefined;
    if (!exchange) {
      const error = isPermitted ? 'unknown-exchange' : 'forbidden';
      return refusing(id, fate, { error, detail: { exchange: name } });
    }
    if (exchange.options.internal)
      return refusing(id, fate, { error: 'internal-exchange', detail: { exchange: name } });
    const { log } = exchange;
    const { reached, routable, queues } = this.hub.exchanges.resolve(exchange, key, headers);
    const taking = this.intake.admit(queues, { payloadBytes: bytes, key, headers });
    const refusal = this.refusalOf(taking, routable, mandatory ?? false, name);
    const refuseNew = fate ?? refusal?.error;
    if (!refuseNew) return { log, reached, taking };
    // Sent again with its id, it may have been published when there still was a way.
    if (!refusal || id !== undefined) return { log, reached, taking, refuseNew };
    this.intake.refused(taking);
    return refusal;
  }

  /** Why a publish is not to be taken, though all about it is right. */
  private refusalOf(
    { receipt }: Taking,
    routable: boolean,
    isMandatory: boolean,
    exchange: string,
  ): Refusal | undefined {
    if (isMandatory && !routable) return { error: 'unroutable', detail: { exchange } };
    // Confirmed, it would be with nobody: whoever publishes to full queues is to know.
    const [refused] = receipt?.refused ?? [];
    if (!refused || receipt!.took.length > 0) return undefined;
    return { error: refused[1] as ErrorName, detail: { queue: refused[0] } };
  }

  private append(
    subject: string,
    { exchange, key, payload, properties }: PublishRequest,
    bytes: number,
    way: Way,
    numbers: readonly PublishNumber[],
    done: (result: PublishResult) => void,
  ): void {
    const { log, reached, refuseNew, taking } = way;
    this.hub.engine.publish(
      {
        log,
        exchange,
        key,
        payload,
        payloadBytes: bytes,
        contentType: properties.contentType ?? 'application/octet-stream',
        headers: properties.headers,
        id: properties.id,
        ttlMs: properties.ttlMs,
        subject,
        refuseNew,
        reached,
        xDeath: undefined,
      },
      done,
      this.intake.extrasOf(taking, isStored(way) ? { numbers } : undefined),
    );
  }

  /** What the engine made of a publish, for queues and counters. */
  private taken(taking: Taking, result: PublishResult): void {
    this.intake.taken(taking, result);
    if (result.kind === 'taken') this.hub.counters.taken++;
    if (result.kind === 'duplicate') this.hub.counters.duplicate++;
  }

  private answer(session: Session, seq: number, outcome: Settled): undefined {
    if (typeof outcome === 'string') return this.refuse(session, seq, { error: outcome });
    this.flusher.confirm(session, seq, outcome);
    return undefined;
  }

  private refuse(session: Session, seq: number, { error, detail }: Refusal): undefined {
    this.countRefused(error);
    this.flusher.write(session, refused(seq, error, detail));
    return undefined;
  }

  private countRefused(error: ErrorName): void {
    const { refused: counts } = this.hub.counters;
    counts.set(error, (counts.get(error) ?? 0) + 1);
  }
}

/** Not published, whatever it is; sent again with its id, it may have been when it still could be: then that is the answer. */
const refusing = (
  id: string | undefined,
  fate: 'fate-unknown' | undefined,
  refusal: Refusal,
): Refusal | Way =>
  id === undefined ? refusal : { log: 'v', reached: [], taking: NO_QUEUES, refuseNew: fate ?? refusal.error };

function settledOf(result: PublishResult, { receipt }: Taking): Settled {
  switch (result.kind) {
    case 'refused':
      return result.error;
    case 'duplicate':
      return { log: result.log, offset: result.offset, sessions: 0, duplicate: true };
    case 'taken': {
      const { log, offset, sessions } = result.record;
      return receipt ? { log, offset, sessions, queues: receipt } : { log, offset, sessions };
    }
    default:
      return result satisfies never;
  }
}

const refused = (seq: number, error: ErrorName, detail: ErrorDetail | undefined) => ({
  type: 'refused' as const,
  seq,
  code: ERRORS[error].code,
  text: ERRORS[error].text,
  ...(detail ? { detail } : {}),
});
