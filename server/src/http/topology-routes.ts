/**
 * Exchanges and the bindings between them over HTTP (PROTOCOL §17): the commands of the wire, with their checks.
 */
import type { Context } from 'hono';
import type { Principal } from '../ports/auth.ts';
import type { HubApi, HubRefusal } from '../ports/hub-api.ts';
import { type Failure, failed, json } from './answers.ts';
import { frameOf } from './frame-fields.ts';

type Route = (hub: HubApi, c: Context, principal: Principal) => Response | Promise<Response>;

export const topology: Route = (hub, _, principal) => json(hub.topology(principal));

export const declareExchange: Route = async (hub, c, principal) => {
  const body = await bodyOf(c);
  if (!body) return notJson();
  const { name, ...options } = body;
  const frame = frameOf('declare', 0, name, options);
  if ('error' in frame) return failed(frame);
  const refusal = await change(hub, principal, frame);
  return refusal ? failed(refusal) : json({ name: frame.exchange, ...frame.options });
};

export const deleteExchange: Route = (hub, c, principal) => {
  const ifUnused = c.req.query('ifUnused');
  const frame = frameOf('delete', 0, c.req.param('name'), FLAGS.get(ifUnused) ?? ifUnused);
  return done(hub, principal, frame);
};

export const bindExchanges: Route = async (hub, c, principal) => {
  const frame = await bindingOf('bind', c);
  if ('error' in frame) return failed(frame);
  const refusal = await change(hub, principal, frame);
  if (refusal) return failed(refusal);
  const [source, key, args] = frame.binding;
  const to = typeof frame.to === 'string' ? { destination: frame.to } : { queue: frame.to.queue };
  return json({ source, ...to, key, ...(args && { args }) });
};

export const unbindExchanges: Route = async (hub, c, principal) =>
  done(hub, principal, await bindingOf('unbind', c));

const FLAGS = new Map<string | undefined, boolean>([
  [undefined, false],
  ['', true],
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

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
  const body = await bodyOf(c);
  if (!body) return { error: 'bad-argument', detail: { field: 'body', expected: 'JSON' } };
  const { source, destination, queue, key, args } = body;
  // A number would be a queue of a session.
  const exchange = typeof destination === 'string' ? destination : null;
  const frame = frameOf(type, 0, queue === undefined ? exchange : { queue }, source, key ?? '', args);
  if ('error' in frame) return frame;
  const { to, binding } = frame;
  return typeof to === 'number'
    ? { error: 'bad-argument', detail: { field: 'destination' } }
    : { type, to, binding };
}

async function bodyOf(c: Context): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = JSON.parse(await c.req.text());
    return typeof body === 'object' && body !== null && !Array.isArray(body)
      ? (body as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const notJson = (): Response =>
  failed({ error: 'bad-argument', detail: { field: 'body', expected: 'JSON' } });
