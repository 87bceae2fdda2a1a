/**
 * Reads publishes from HTTP requests: the JSON form and the raw one, where the body is the payload.
 *
 * The fields are checked by the same code as those of the wire, so that both have the same rules and errors.
 */
import {
  type ErrorDetail,
  type ErrorName,
  type Payload,
  type Publish,
  readClientFields,
} from '@ringhub/protocol';
import type { PublishRequest } from '../ports/hub-api.ts';
import { flagOf } from './frame-fields.ts';

export type ReadPublish =
  | { readonly kind: 'request'; readonly request: PublishRequest }
  | { readonly kind: 'refused'; readonly error: ErrorName; readonly detail?: ErrorDetail };

/** Where a publish goes that names no exchange. */
const DEFAULT_EXCHANGE = 'amq.topic';
const FORM = 'application/x-www-form-urlencoded';

const refused = (error: ErrorName, field: string): ReadPublish => ({
  kind: 'refused',
  error,
  detail: { field },
});

/** One message as JSON: `{exchange?, key, data | text | b64, contentType?, headers?, id?, ttlMs?, mandatory?}`. */
export function publishFromJson(value: unknown, fallbackId: string | undefined): ReadPublish {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('bad-argument', 'body');
  }
  const {
    exchange,
    key,
    contentType,
    headers,
    id = fallbackId,
    ttlMs,
    mandatory,
    ...rest
  } = value as Record<string, unknown>;
  const payload = wirePayload(rest);
  if (payload === undefined) return refused('bad-payload', 'data, text or b64');
  return check(exchange, key, payload, { contentType, headers, id, ttlMs, mandatory });
}

/** The payload as a publish frame would hold it; `undefined` unless exactly one is given. */
function wirePayload(message: Record<string, unknown>): unknown {
  const given = ['data', 'text', 'b64'].filter((name) => message[name] !== undefined);
  if (given.length !== 1) return undefined;
  if (given[0] === 'data') return { json: message.data };
  if (given[0] === 'b64') return { b64: message.b64 };
  return typeof message.text === 'string' ? message.text : undefined;
}

/** A message whose payload is the body; everything else stands in the query. */
export function publishFromRaw(
  query: URLSearchParams,
  contentType: string | undefined,
  body: Uint8Array,
  fallbackId: string | undefined,
): ReadPublish {
  const ttlMs = query.get('ttlMs');
  const payload = rawPayload(contentType, body);
  const read = check(query.get('exchange') ?? undefined, query.get('key'), '', {
    contentType: payload.contentType,
    id: query.get('id') ?? fallbackId,
    ttlMs: ttlMs === null ? undefined : /^\d+$/.test(ttlMs) ? Number(ttlMs) : ttlMs,
    mandatory: flagOf(query.get('mandatory') ?? undefined),
  });
  if (read.kind === 'refused') return read;
  return { kind: 'request', request: { ...read.request, payload: payload.payload } };
}

/** Text where the type says so and the bytes are UTF-8; else bytes. What `curl -d` calls a form is text. */
function rawPayload(
  given: string | undefined,
  body: Uint8Array,
): { payload: Payload; contentType: string | undefined } {
  const type = given?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const contentType = type === FORM || type === '' ? undefined : given;
  const isText =
    contentType === undefined || /^text\//.test(type) || /^application\/(.+\+)?(json|xml)$/.test(type);
  const text = isText ? decodeUtf8(body) : undefined;
  if (text !== undefined) return { payload: text, contentType };
  return { payload: body, contentType: contentType ?? 'application/octet-stream' };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function check(
  exchange: unknown,
  key: unknown,
  payload: unknown,
  properties: Record<string, unknown>,
): ReadPublish {
  const read = readClientFields(['publish', 1, exchange ?? DEFAULT_EXCHANGE, key, payload, properties]);
  if (read.type !== 'invalid') {
    const { exchange: to, key: routingKey, payload: checked, properties: kept } = read as Publish;
    return {
      kind: 'request',
      request: { exchange: to, key: routingKey, payload: checked, properties: kept },
    };
  }
  const field = String(read.detail?.field ?? '').replace(/^publish\./, '');
  return { kind: 'refused', error: read.error, detail: { field } };
}
