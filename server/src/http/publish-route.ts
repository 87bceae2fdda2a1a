/**
 * `POST /v1/publish`: one message, many, or a raw body.
 *
 * One message is answered by its receipt or its error. Many are published in order, each for itself, and answered
 * by `{"results": […]}` in the same order: status 200 if any was taken, else that of the first refusal. Requests
 * being handled are bounded; above that the answer is `unavailable`.
 */
import type { Context } from 'hono';
import type { Principal } from '../ports/auth.ts';
import type { HubApi, PublishOutcome } from '../ports/hub-api.ts';
import { errorBody, type Failure, failed, json, outcomeBody, statusOf } from './answers.ts';
import { parseBody } from './frame-fields.ts';
import { publishFromJson, publishFromRaw, type ReadPublish } from './publish-request.ts';

const MAX_MESSAGES = 1_000;
const MAX_CONCURRENT = 1_024;

/** Whether somebody may send so much more. */
export type Takes = (principal: Principal, cost: number) => boolean;

/** Makes the handler; `principal` has been authenticated, and the request itself counted. */
export function publishRoute(
  hub: HubApi,
  takes: Takes,
): (c: Context, principal: Principal) => Promise<Response> {
  let concurrent = 0;
  return async (c, principal) => {
    if (concurrent >= MAX_CONCURRENT) return failed({ error: 'unavailable' });
    concurrent += 1;
    try {
      return await publish(hub, c, principal, takes);
    } finally {
      concurrent -= 1;
    }
  };
}

async function publish(hub: HubApi, c: Context, principal: Principal, takes: Takes): Promise<Response> {
  const idempotencyKey = c.req.header('Idempotency-Key');
  const query = new URL(c.req.url).searchParams;
  if (query.has('key')) {
    const body = new Uint8Array(await c.req.arrayBuffer());
    return one(hub, principal, publishFromRaw(query, c.req.header('Content-Type'), body, idempotencyKey));
  }
  let body: unknown;
  try {
    body = parseBody(await c.req.text());
  } catch {
    return failed({
      error: 'bad-argument',
      detail: { field: 'body', expected: 'JSON, or ?key=… in the URL' },
    });
  }
  const messages = (body as { messages?: unknown } | null)?.messages;
  if (messages === undefined) return one(hub, principal, publishFromJson(body, idempotencyKey));
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > MAX_MESSAGES) {
    return failed({ error: 'bad-argument', detail: { field: 'messages', max: MAX_MESSAGES } });
  }
  if (messages.length > 1 && !takes(principal, messages.length - 1)) return failed({ error: 'rate-limited' });
  const idOf = (index: number) => (idempotencyKey === undefined ? undefined : `${idempotencyKey}:${index}`);
  return many(
    hub,
    principal,
    messages.map((message, index) => publishFromJson(message, idOf(index))),
  );
}

async function one(hub: HubApi, principal: Principal, read: ReadPublish): Promise<Response> {
  const outcome = await perform(hub, principal, read);
  return outcome.kind === 'refused' ? failed(outcome) : json(outcomeBody(outcome));
}

async function many(hub: HubApi, principal: Principal, reads: readonly ReadPublish[]): Promise<Response> {
  const outcomes = await Promise.all(reads.map((read) => perform(hub, principal, read)));
  const results = outcomes.map((o) => (o.kind === 'refused' ? errorBody(o) : outcomeBody(o)));
  const anyTaken = outcomes.some(({ kind }) => kind === 'taken');
  return json({ results }, anyTaken ? 200 : statusOf(outcomes[0] as Failure));
}

function perform(hub: HubApi, principal: Principal, read: ReadPublish): Promise<PublishOutcome> {
  return new Promise((done) => {
    if (read.kind === 'refused') done(read);
    else hub.publish(principal, read.request, done);
  });
}
