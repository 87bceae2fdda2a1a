/**
 * `GET /v1/history`: one page of what the log holds (PROTOCOL §17). Without `after` or `before`, the latest.
 */
import type { Context } from 'hono';
import type { Principal } from '../ports/auth.ts';
import type { HubApi } from '../ports/hub-api.ts';
import { failed, json } from './answers.ts';
import { bindingsOf, frameOf, numberOf } from './frame-fields.ts';
import { listedItem } from './item-body.ts';

export async function history(hub: HubApi, c: Context, principal: Principal): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const after = query.get('after') ?? undefined;
  const before = query.get('before') ?? undefined;
  const frame = frameOf('history', 0, {
    bindings: bindingsOf(query),
    ...(after === undefined ? { before: before || null } : { after, before }),
    limit: numberOf(query.get('limit') ?? undefined),
  });
  if ('error' in frame) return failed(frame);
  return new Promise((resolve) => {
    hub.history(principal, frame.options, (answer) => {
      if ('error' in answer) resolve(failed(answer));
      else resolve(json({ ...answer, items: answer.items.map(listedItem) }));
    });
  });
}
