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

/** Whom the hub's own messages are from: no client has a subject with a space in front. */
const HUB_SUBJECT = ' hub';

const payloadBytes = (payload: Payload): number =>
  typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;

/** The exchanges a publish reaches; with `refuseNew` only if it was published before. */
interface Route {
  readonly reached: readonly number[];
  readonly refuseNew?: ErrorName;
}

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
    const route = this.route(session.principal, frame, bytes, session.limits.maxPayloadBytes);
    if ('error' in route) {
      session.publishes.settle(seq, route.error);
      return this.refuse(session, seq, route);
    }
    this.append(session.principal.subject, frame, bytes, route, (result) => {
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
    const route = this.route(principal, request, bytes, this.hub.limitsOf(principal.role).maxPayloadBytes);
    if ('error' in route) {
      this.countRefused(route.error);
      done({ kind: 'refused', ...route });
      return;
    }
    this.append(principal.subject, request, bytes, route, (result) => {
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

  /** The hub's own publish, to an internal exchange; what becomes of it interests nobody. */
  publishOwn(exchange: string, key: string, payload: string): void {
    const bytes = payloadBytes(payload);
    const route = this.hub.exchanges.resolve(this.hub.exchanges.get(exchange)!, key, undefined);
    const request = { exchange, key, payload, properties: { contentType: 'application/json' } };
    this.append(HUB_SUBJECT, request, bytes, route, () => {});
  }

  /** Where a publish goes, or why it goes nowhere. */
  private route(
    principal: Principal,
    { exchange: name, key, properties }: PublishRequest,
    bytes: number,
    maxBytes: number,
  ): Refusal | Route {
    if (this.hub.draining) return { error: 'unavailable' };
    if (bytes > maxBytes) return { error: 'payload-too-large', detail: { bytes, maxPayloadBytes: maxBytes } };
    const exchange = this.hub.exchanges.get(name);
    if (!exchange) {
      // Sent again with its id, it may have been published when the exchange was still there.
      if (properties.id !== undefined) return { reached: [], refuseNew: 'unknown-exchange' };
      return { error: 'unknown-exchange', detail: { exchange: name } };
    }
    if (!principal.may('publish', name, key)) return { error: 'forbidden', detail: { exchange: name } };
    if (exchange.options.internal) return { error: 'internal-exchange', detail: { exchange: name } };
    const { reached, routable } = this.hub.exchanges.resolve(exchange, key, properties.headers);
    if (!properties.mandatory || routable) return { reached };
    // Sent again with its id, it may have been published when there still was a subscriber.
    if (properties.id !== undefined) return { reached, refuseNew: 'unroutable' };
    return { error: 'unroutable', detail: { exchange: name } };
  }

  private append(
    subject: string,
    { exchange, key, payload, properties }: PublishRequest,
    bytes: number,
    { reached, refuseNew }: Route,
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
        subject,
        refuseNew,
        reached,
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
