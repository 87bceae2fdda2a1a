/**
 * Administration of a hub: what pages seldom need, apart from the client so that they need not load it. All of it travels over the hub's
 * connection; sessions are listed and closed over HTTP only (`/v1/sessions`).
 */
import type { BindingArguments, BindingSpec, HubStats, Topology } from '@ringhub/protocol';
import type { CommandOptions } from './commands.ts';
import type { Hub } from './hub.ts';

/**
 * Takes an exchange away, with all bindings from and to it; with `ifUnused` only where it has none
 * (`exchange-in-use`). Rejects with `unknown-exchange`, `reserved-name` or `forbidden` (PROTOCOL §5).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { deleteExchange } from '@ringhub/client/admin';
 * const hub = await connect(url, { token });
 * await hub.declareExchange('passing', { type: 'fanout' });
 * await deleteExchange(hub, 'passing', { ifUnused: true });
 * await hub.close();
 * ```
 */
export function deleteExchange<Messages extends object>(
  hub: Hub<Messages>,
  exchange: string,
  { ifUnused = false, signal }: CommandOptions & { readonly ifUnused?: boolean | undefined } = {},
): Promise<void> {
  return hub.session.commands.run({
    line: () => ['delete', exchange, ifUnused],
    takesAway: true,
    accept: () => void hub.session.exchanges.delete(exchange),
    signal,
  });
}

/**
 * Binds an exchange to another one: what `source` routes by `key` also goes to `destination`. The binding is the
 * hub's, not this session's: it lives until it or one of the exchanges is taken away, or, where they are not durable, the hub
 * ends. Rejects with `unknown-exchange`, `default-exchange`, `durability-mismatch`, `bad-pattern`, `too-many-hashes`,
 * `too-many-bindings` or `forbidden` (PROTOCOL §5).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { bindExchange, unbindExchange } from '@ringhub/client/admin';
 * const hub = await connect(url, { token });
 * await hub.declareExchange('audit', { type: 'fanout' });
 * await bindExchange(hub, 'audit', 'amq.topic', 'orders.#');
 * await bindExchange(hub, 'audit', 'amq.headers', '', { 'x-match': 'any', level: 'high' });
 * await unbindExchange(hub, 'audit', 'amq.topic', 'orders.#');
 * await hub.close();
 * ```
 */
export function bindExchange<Messages extends object>(
  hub: Hub<Messages>,
  destination: string,
  source: string,
  key: string,
  args?: BindingArguments,
  { signal }: CommandOptions = {},
): Promise<void> {
  const binding = [source, key, args] as BindingSpec;
  return hub.session.commands.run({ line: () => ['bind', destination, ...binding], signal });
}

/** Takes a binding between exchanges back. Rejects with `unknown-exchange`, `unknown-binding` or `forbidden`. */
export function unbindExchange<Messages extends object>(
  hub: Hub<Messages>,
  destination: string,
  source: string,
  key: string,
  args?: BindingArguments,
  { signal }: CommandOptions = {},
): Promise<void> {
  const binding = [source, key, args] as BindingSpec;
  return hub.session.commands.run({
    line: () => ['unbind', destination, ...binding],
    takesAway: true,
    signal,
  });
}

/**
 * The exchanges, bindings and named queues that this client may see; `complete` is false where the hub listed only the
 * first of many (PROTOCOL §5).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { topology } from '@ringhub/client/admin';
 * const hub = await connect(url, { token });
 * const { exchanges, bindings } = await topology(hub);
 * for (const { name, type, bindings } of exchanges) console.log(name, type, bindings);
 * for (const { exchange, key, to } of bindings) console.log(exchange, key, to);
 * await hub.close();
 * ```
 */
export function topology<Messages extends object>(
  hub: Hub<Messages>,
  { signal }: CommandOptions = {},
): Promise<Topology> {
  return hub.session.commands.run({ line: () => ['list'], accept: (result) => result as Topology, signal });
}

/**
 * What the hub says of itself: gauges as they are now, sums since its start, those of durable queues since they were
 * declared; the four numbers of named queues among them. Rejects with `forbidden`.
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { stats } from '@ringhub/client/admin';
 * const hub = await connect(url, { token });
 * const { sessions, ledger } = await stats(hub);
 * console.log(sessions.attached, ledger.routed);
 * await hub.close();
 * ```
 */
export function stats<Messages extends object>(
  hub: Hub<Messages>,
  { signal }: CommandOptions = {},
): Promise<HubStats> {
  return hub.session.commands.run({ line: () => ['stats'], accept: (result) => result as HubStats, signal });
}
