/**
 * Exchanges over HTTP, and their bindings to each other and to named queues (PROTOCOL §17): the commands of the wire, with
 * their checks.
 */
import type { Context } from 'hono';
import type { Principal } from '../ports/auth.ts';
import type { HubApi, HubRefusal } from '../ports/hub-api.ts';
import { type Failure, failed, json } from './answers.ts';
import { flagOf, frameOf, NO_OBJECT, objectOf } from './frame-fields.ts';

/** Answers a caller who was let in. */
export type Route = (hub: HubApi, c: Context, principal: Principal) => Response | Promise<Response>;

export const topology: Route = (hub, _, principal) => json(hub.topology(principal));

export const declareExchange: Route = async (hub, c, principal) => {
  const body = objectOf(await c.req.text());
  if (!body) return failed(NO_OBJECT);
  const { name, ...options } = body;
  const frame = frameOf('declare', 0, name, options);
  if ('error' in frame) return failed(frame);
  const refusal = await change(hub, principal, frame);
  return refusal ? failed(refusal) : json({ name: frame.exchange, ...frame.options });
};

export const deleteExchange: Route = (hub, c, principal) => {
  const frame = frameOf('delete', 0, c.req.param('name'), flagOf(c.req.query('ifUnused')) ?? false);
  return done(hub, principal, frame);
};

export const bind: Route = async (hub, c, principal) => {
  const frame = await bindingOf('bind', c);
  if ('error' in frame) return failed(frame);
  const refusal = await change(hub, principal, frame);
  if (refusal) return failed(refusal);
  const [source, key, args] = frame.binding;
  const to = typeof frame.to === 'string' ? { destination: frame.to } : { queue: frame.to.queue };
  return json({ source, ...to, key, ...(args && { args }) });
};

export const unbind: Route = async (hub, c, principal) => done(hub, principal, await bindingOf('unbind', c));

type Change = Parameters<HubApi['changeTopology']>[1];

/** Resolves once the change is made: what is durable, once it is on disk. */
const change = (hub: HubApi, principal: Principal, wanted: Change): Promise<HubRefusal | undefined> =>
  new Promise((resolve) => hub.changeTopology(principal, wanted, resolve));

async function done(hub: HubApi, principal: Principal, wanted: Change | Failure): Promise<Response> {
  if ('error' in wanted) return failed(wanted);
  const refusal = await change(hub, principal, wanted);
  return refusal ? failed(refusal) : new Response(null, { status: 204 });
}

async function bindingOf(
  type: 'bind' | 'unbind',
  c: Context,
): Promise<Extract<Change, { to: unknown }> | Failure> {
  const body = objectOf(await c.req.text());
  if (!body) return NO_OBJECT;
  const { source, destination, queue, key, args } = body;
  if (destination !== undefined && queue !== undefined)
    return { error: 'bad-argument', detail: { field: 'destination', why: 'it leads to one of the two' } };
  // A number would be a queue of a session.
  const exchange = typeof destination === 'string' ? destination : null;
  const frame = frameOf(type, 0, queue === undefined ? exchange : { queue }, source, key ?? '', args);
  if ('error' in frame) return frame;
  const { to, binding } = frame;
  return typeof to === 'number'
    ? { error: 'bad-argument', detail: { field: 'destination' } }
    : { type, to, binding };
}
