/**
 * `GET /v1/events`: a subscription as Server-Sent Events (PROTOCOL §17).
 *
 * It starts behind `Last-Event-ID`, else at `since`. It ends with the token that opened it.
 */
import type { Context } from 'hono';
import type { Principal } from '../ports/auth.ts';
import type { HubApi } from '../ports/hub-api.ts';
import { failed } from './answers.ts';
import { EventStream } from './event-stream.ts';
import { bindingsOf, frameOf, numberOf } from './frame-fields.ts';

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // nginx passes it on at once.
  'X-Accel-Buffering': 'no',
};

export function events(hub: HubApi, c: Context, principal: Principal): Response {
  const query = new URL(c.req.url).searchParams;
  const overflow = query.get('overflow') ?? undefined;
  const frame = frameOf('subscribe', 0, {
    bindings: bindingsOf(query),
    overflow,
    capacity: numberOf(query.get('capacity') ?? undefined),
    since: sinceOf(c.req.header('Last-Event-ID') || query.get('since')),
  });
  if ('error' in frame) return failed(frame);
  if (c.req.method === 'HEAD') return new Response(null, { headers: HEADERS });
  const stream = new EventStream(overflow !== 'conflate');
  const listening = hub.listen(principal, frame.options, stream);
  if ('error' in listening) return failed(listening);
  stream.open(listening, frame.options.since);
  const { signal } = c.req.raw;
  if (signal.aborted) stream.close();
  else signal.addEventListener('abort', () => stream.close(), { once: true });
  return new Response(stream.body, { headers: HEADERS });
}

/** A keyword, a time in ms since 1970, or a cursor. */
function sinceOf(text: string | null | undefined): unknown {
  if (text === null || text === undefined || text === '') return undefined;
  if (text === 'live' || text === 'earliest' || text === 'last-per-key') return text;
  const timeMs = numberOf(text);
  return typeof timeMs === 'number' ? { timeMs } : { cursor: text };
}
