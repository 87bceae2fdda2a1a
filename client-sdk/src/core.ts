/**
 * The client without binary frames, at most 10 KiB (decision 0011): `@ringhub/client/core`, for pages where the 3 KiB of the other
 * codec count. It speaks JSON, unless it is given another codec. All of it is part of `@ringhub/client`, too.
 */

export type {
  AckMode,
  BindingArguments,
  BindingInfo,
  BindingSpec,
  ErrorName,
  ExchangeInfo,
  ExchangeOptions,
  ExchangeType,
  GapRange,
  GapReason,
  Granted,
  Headers,
  OverflowPolicy,
  Payload,
  Position,
  Since,
  Topology,
} from '@ringhub/protocol';
export type { CommandOptions } from './commands.ts';
export { type ConnectOptions, connect } from './connect.ts';
export type { Environment, WebSocketConstructor, WebSocketLike } from './environment.ts';
export { RinghubError } from './errors.ts';
export { type DeclareOptions, type EventOf, Hub } from './hub.ts';
export type { TokenReason, TokenSource } from './link.ts';
export type { GapEvent, Message, SnapshotEnd, SubscriptionEvent } from './message.ts';
export type { PublishOptions, Receipt } from './publisher.ts';
export type { HubEvents, HubState } from './session.ts';
export {
  type Handler,
  Subscription,
  type SubscriptionEvents,
  type SubscriptionOptions,
} from './subscription.ts';
