/**
 * Sessions over HTTP, for administrators (PROTOCOL §21): which there are, and that some are to end.
 */
import type { ClosingSessions, HubRefusal, SessionsClosed } from '../ports/hub-api.ts';
import { type Failure, failed, json } from './answers.ts';
import { NO_OBJECT, numberOf, objectOf } from './frame-fields.ts';
import type { Route } from './topology-routes.ts';

const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 100;
const MAX_TEXT_LENGTH = 256;
const DAY_MS = 24 * 3_600_000;
/** No credentials that a browser gets should be valid for longer. */
const DEFAULT_REVOKED_MS = DAY_MS;
const MAX_REVOKED_MS = 366 * DAY_MS;

export const listSessions: Route = (hub, c, principal) => {
  const limit = numberOf(c.req.query('limit')) ?? DEFAULT_PAGE;
  if (typeof limit === 'string' || limit < 1 || limit > MAX_PAGE) return failed(wrong('limit'));
  const { subject, after } = c.req.query();
  const page = hub.control.list(principal, {
    limit,
    ...(subject !== undefined && { subject }),
    ...(after !== undefined && { after }),
  });
  return 'error' in page ? failed(page) : json(page);
};

export const closeSessions: Route = async (hub, c, principal) => {
  const body = objectOf(await c.req.text());
  if (!body) return failed(NO_OBJECT);
  const which = chosenBy(body);
  if ('error' in which) return failed(which);
  const answer = await new Promise<SessionsClosed | HubRefusal>((resolve) =>
    hub.control.close(principal, which, resolve),
  );
  return 'error' in answer ? failed(answer) : json(answer);
};

function chosenBy(body: Record<string, unknown>): ClosingSessions | Failure {
  const { session, subject, revoke = false, revokeForMs = DEFAULT_REVOKED_MS } = body;
  if (typeof revoke !== 'boolean') return wrong('revoke');
  const isTime = typeof revokeForMs === 'number' && revokeForMs >= 1 && revokeForMs <= MAX_REVOKED_MS;
  if (!isTime) return wrong('revokeForMs');
  if (isText(subject) && session === undefined)
    return { subject, ...(revoke && { revoke: { forMs: revokeForMs } }) };
  if (!isText(session) || subject !== undefined) return wrong(session === undefined ? 'subject' : 'session');
  // Credentials are a subject's: that has to be said.
  return revoke ? wrong('revoke') : { session };
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH;

const wrong = (field: string): Failure => ({ error: 'bad-argument', detail: { field } });
