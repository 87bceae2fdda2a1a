/**
 * What was declared durable is there again: exchanges, named queues with what they hold, and bindings (PROTOCOL §5, §20).
 * The messages themselves stay in the store until somebody wants them.
 */
import { DeclaredQueue } from '../core/declared-queue.ts';
import { NamedQueue } from '../core/named-queue.ts';
import { queueSettings } from '../core/queue-settings.ts';
import { toArguments } from '../core/routing-table.ts';
import type { HubContext } from './context.ts';
import type { StoredQueue } from './definitions.ts';
import { restoreMessages } from './queue-sums.ts';
import type { Recounts } from './recount.ts';

export function restoreDefinitions(hub: HubContext, recounts: Recounts): void {
  const { definitions, exchanges } = hub;
  if (!definitions) return;
  hub.restoreNumbers(definitions.numbers);
  for (const { name, options, incarnation, by } of definitions.exchanges) {
    exchanges.restore(name, options, incarnation, by);
    if (by !== undefined) hub.declared.add(by);
  }
  for (const { source, destination, key, args } of definitions.exchangeBindings) {
    const [from, to] = [exchanges.get(source), exchanges.get(destination)];
    if (!from || !to) continue;
    if (exchanges.bindExchange({ source: from, destination: to, binding: toArguments(key, args) }))
      hub.bindings++;
  }
  for (const stored of definitions.queues) restoreQueue(hub, stored, recounts);
  for (const { source, destination, key, args } of definitions.queueBindings) {
    const exchange = exchanges.get(source);
    const queue = hub.namedQueues.get(destination);
    if (exchange && queue?.bind({ exchange, spec: toArguments(key, args) })) hub.bindings++;
  }
}

function restoreQueue(hub: HubContext, { name, options, id, by }: StoredQueue, recounts: Recounts): void {
  const settings = queueSettings(options);
  if (typeof settings === 'string') {
    hub.fault(`the stored queue ${name} cannot be declared again: ${settings}`);
    return;
  }
  const state = new NamedQueue(name, settings, hub.moment());
  const { queues } = hub.engine;
  if (queues) recounts.add(id, restoreMessages(hub, state, queues, id));
  hub.rememberQueue(new DeclaredQueue(id, options, state, undefined, by));
}
