/**
 * Named queues over HTTP (PROTOCOL §17, §20): the commands of the wire, with their checks; consuming takes a WebSocket.
 *
 * What is durable is answered when it is on disk.
 */
import { MAX_LISTED_QUEUES, type QueueEmptied, type QueueInfo } from '@ringhub/protocol';
import type { HubRefusal, QueueCommand } from '../ports/hub-api.ts';
import { type Failure, failed, json } from './answers.ts';
import { flagOf, frameOf, NO_OBJECT, objectOf } from './frame-fields.ts';
import type { Route } from './topology-routes.ts';

export const listQueues: Route = (hub, _, principal) => {
  const { queues, complete } = hub.topology(principal);
  // The list of everything may be cut short elsewhere.
  return json({ queues, complete: complete || queues.length < MAX_LISTED_QUEUES });
};

export const inspectQueue: Route = (hub, c, principal) =>
  perform(hub, principal, frameOf('inspect', 0, c.req.param('name')));

/** Made, or found with the same options; no body is no option. */
export const declareQueue: Route = async (hub, c, principal) => {
  const text = await c.req.text();
  const options = text.trim() === '' ? {} : objectOf(text);
  if (!options) return failed(NO_OBJECT);
  return perform(hub, principal, frameOf('declareQueue', 0, c.req.param('name'), options));
};

export const deleteQueue: Route = (hub, c, principal) => {
  const options = { ifUnused: flagOf(c.req.query('ifUnused')), ifEmpty: flagOf(c.req.query('ifEmpty')) };
  return perform(hub, principal, frameOf('deleteQueue', 0, c.req.param('name'), options));
};

export const purgeQueue: Route = (hub, c, principal) =>
  perform(hub, principal, frameOf('purge', 0, c.req.param('name')));

async function perform(
  hub: Parameters<Route>[0],
  principal: Parameters<Route>[2],
  command: QueueCommand | Failure,
): Promise<Response> {
  if ('error' in command) return failed(command);
  const answer = await new Promise<QueueInfo | QueueEmptied | HubRefusal>((resolve) =>
    hub.queueCommand(principal, command, resolve),
  );
  return 'error' in answer ? failed(answer) : json(answer);
}
