/**
 * Publishes on their way in: number, window, size, permission, route, engine, confirm (PROTOCOL §11).
 */
import {
  ERRORS,
  type ErrorDetail,
  type ErrorName,
  encodeServerFrame,
  type Payload,
  type Publish,
} from '@ringhub/protocol';
import type { Admission, Settled } from '../core/publish-window.ts';
import type { Session } from '../core/session.ts';
import type { Principal } from '../ports/auth.ts';
import type { PublishResult } from '../ports/engine.ts';
import type { PublishOutcome, PublishRequest } from '../ports/hub-api.ts';
import type { HubContext } from './context.ts';
import type { Flusher } from './flusher.ts';
import type { Refusal } from './subscriptions.ts';

const payloadBytes = (payload: Payload): number =>
  typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;

export class Publishing {
  constructor(
    private readonly hub: HubContext,
    private readonly flusher: Flusher,
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
    const refusal = this.check(session.principal, frame, bytes, session.limits.maxPayloadBytes);
    if (refusal) {
      session.publishes.settle(seq, refusal.error);
      return this.refuse(session, seq, refusal);
    }
    this.append(session.principal, frame, bytes, (result) => {
      const outcome: Settled =
        result.kind === 'refused'
          ? result.error
          : result.kind === 'duplicate'
            ? { log: result.log, offset: result.offset, sessions: 0, duplicate: true }
            : { log: result.record.log, offset: result.record.offset, sessions: result.record.sessions };
      session.publishes.settle(seq, outcome);
      if (session.link) this.answer(session, seq, outcome);
    });
    return undefined;
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
    const refusal = this.check(principal, request, bytes, this.hub.limitsOf(principal.role).maxPayloadBytes);
    if (refusal) {
      this.countRefused(refusal.error);
      done({ kind: 'refused', ...refusal });
      return;
    }
    this.append(principal, request, bytes, (result) => {
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
      });
    });
  }

  private check(
    principal: Principal,
    request: PublishRequest,
    bytes: number,
    maxBytes: number,
  ): Refusal | undefined {
    if (this.hub.draining) return { error: 'unavailable' };
    if (bytes > maxBytes) return { error: 'payload-too-large', detail: { bytes, maxPayloadBytes: maxBytes } };
    const exchange = this.hub.exchanges.get(request.exchange);
    if (!exchange) return { error: 'unknown-exchange', detail: { exchange: request.exchange } };
    if (!principal.may('publish', request.exchange, request.key)) {
      return { error: 'forbidden', detail: { exchange: request.exchange } };
    }
    if (request.properties.mandatory && exchange.topic.route(request.key).length === 0) {
      return { error: 'unroutable', detail: { exchange: request.exchange } };
    }
    return undefined;
  }

  private append(
    principal: Principal,
    { exchange, key, payload, properties }: PublishRequest,
    bytes: number,
    done: (result: PublishResult) => void,
  ): void {
    this.hub.engine.publish(
      {
        exchange,
        key,
        payload,
        payloadBytes: bytes,
        contentType: properties.contentType ?? 'application/octet-stream',
        headers: properties.headers,
        id: properties.id,
        ttlMs: properties.ttlMs,
        subject: principal.subject,
        reached: this.hub.exchanges.get(exchange)!.reached,
      },
      (result) => {
        if (result.kind === 'taken') this.hub.counters.taken++;
        if (result.kind === 'duplicate') this.hub.counters.duplicate++;
        done(result);
      },
    );
  }

  private answer(session: Session, seq: number, outcome: Settled): undefined {
    if (typeof outcome === 'string') return this.refuse(session, seq, { error: outcome });
    this.flusher.confirm(session, seq, outcome);
    return undefined;
  }

  private refuse(session: Session, seq: number, { error, detail }: Refusal): undefined {
    this.countRefused(error);
    this.flusher.write(session, encodeServerFrame(refused(seq, error, detail)));
    return undefined;
  }

  private countRefused(error: ErrorName): void {
    const { refused: counts } = this.hub.counters;
    counts.set(error, (counts.get(error) ?? 0) + 1);
  }
}

const refused = (seq: number, error: ErrorName, detail: ErrorDetail | undefined) => ({
  type: 'refused' as const,
  seq,
  code: ERRORS[error].code,
  text: ERRORS[error].text,
  ...(detail ? { detail } : {}),
});
