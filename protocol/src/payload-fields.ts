/** Checks the payload of a publish, and makes an inlined value the text that is delivered (PROTOCOL §11). */
import { fail } from './field-checks.ts';
import type { Payload } from './frames.ts';
import { InlinedJson } from './inlined-json.ts';
import { payloadFromJson } from './payload-json.ts';

export const isInline = (raw: unknown): raw is InlinedJson | { json: unknown } =>
  typeof raw === 'object' && raw !== null && (raw instanceof InlinedJson || 'json' in raw);

export function payloadOf(raw: unknown): Payload {
  const payload = isInline(raw)
    ? raw instanceof InlinedJson
      ? ownText(raw.text)
      : stringify(raw.json)
    : raw instanceof Uint8Array
      ? raw
      : payloadFromJson(raw);
  if (payload === undefined || (typeof payload === 'string' && !payload.isWellFormed()))
    return fail('bad-payload', 'payload');
  return payload;
}

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

/** Shorter parts of a text are copies. */
const SHORT = 12;

/** A copy of a text that is part of a longer one, which it would keep in memory; ill-formed as it was. */
const ownText = (text: string): string =>
  text.length <= SHORT || !text.isWellFormed() ? text : decoder.decode(encoder.encode(text));

/** JSON text of an inlined value; a value nested deeper than the stack is refused like any other bad one. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
