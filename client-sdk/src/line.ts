/**
 * Client frames as positional arrays (PROTOCOL §2), made where they are sent: as JSON they are the wire's. Objects
 * of the frame table would say the same twice, in code that every browser loads.
 */
import type {
  BindingSpec,
  ConsumeOptions,
  ExchangeOptions,
  Hello,
  HistoryRequest,
  NamedQueue,
  PassiveDeclare,
  Payload,
  PublishProperties,
  QueueOptions,
  SubscribeOptions,
  TagRanges,
} from '@ringhub/protocol';

/** A command without its ref, which comes second. */
export type CommandLine =
  | readonly [type: 'declare', exchange: string, options: ExchangeOptions | PassiveDeclare]
  | readonly [type: 'delete', exchange: string, ifUnused: boolean]
  | readonly [type: 'bind' | 'unbind', to: number | string | NamedQueue, ...BindingSpec]
  | readonly [type: 'declareQueue', name: string, options: QueueOptions | PassiveDeclare]
  | readonly [type: 'deleteQueue', name: string, options: { ifUnused?: boolean; ifEmpty?: boolean }]
  | readonly [type: 'purge' | 'inspect', name: string]
  | readonly [type: 'consume', options: ConsumeOptions]
  | readonly [type: 'list' | 'stats']
  | readonly [type: 'auth', fields: { readonly token: string | undefined }]
  | readonly [type: 'history', request: HistoryRequest]
  | readonly [type: 'subscribe', options: SubscribeOptions]
  | readonly [type: 'unsubscribe', queue: number]
  | readonly [type: 'credit', queue: number, prefetch: number];

export type ClientLine =
  | readonly [type: 'ping' | 'pong' | 'bye']
  | readonly [type: 'hello', fields: Omit<Hello, 'type'>]
  | readonly [type: CommandLine[0], ref: number, ...fields: unknown[]]
  | readonly [
      type: 'publish',
      seq: number,
      exchange: string,
      key: string,
      payload: Payload,
      ...properties: PublishProperties[],
    ]
  | readonly [type: 'ack', queue: number, upTo: number, ...ranges: TagRanges[]]
  | readonly [
      type: 'reject' | 'nack',
      queue: number,
      ranges: TagRanges,
      ...options: { readonly delayMs: number }[],
    ];
