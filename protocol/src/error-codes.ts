/**
 * The numbers of the error table and what their ranges mean (PROTOCOL §14). They stand apart from the texts of
 * `errors.ts` because a client needs only few of these: the hub sends the text, and in it the name.
 */

/** What a client branches on or raises itself. Every browser that loads the SDK loads this table. */
export const CLIENT_ERROR_CODES = {
  unauthorized: 4101,
  'token-expired': 4008,
  'too-many-exchanges': 4317,
  'too-many-connections': 4108,
  'payload-too-large': 4306,
  'bad-payload': 4316,
  'unknown-queue': 4308,
  'outcome-unknown': 4500,
  'outbox-full': 4501,
  closed: 4502,
} as const;

/**
 * Names by the code of the first; the others follow one by one. The hub sends them with its errors: a client learns
 * them from there.
 */
const NAMES = {
  4001: 'draining heartbeat-timeout slow-consumer output-overflow internal hello-timeout rate-limited token-expired locked-out superseded',
  4100: 'taken-over unauthorized bad-frame unsupported-version frame-too-large hello-expected publish-sequence resume-invalid too-many-connections',
  4200: 'session-evicted session-revoked',
  4300: 'unknown-exchange bad-pattern too-many-hashes bad-argument too-many-bindings too-many-subscriptions payload-too-large unknown-tag unknown-queue forbidden unroutable bad-key bad-headers exchange-mismatch reserved-name bad-cursor bad-payload too-many-exchanges bad-name internal-exchange exchange-in-use unknown-binding queue-not-found queue-mismatch queue-in-use queue-not-empty queue-exclusive too-many-queues durability-mismatch default-exchange fate-unknown',
  4400: 'publish-window unavailable queue-full store-failed',
  4500: 'outcome-unknown outbox-full closed',
} as const;

type Words<Text extends string> = Text extends `${infer Word} ${infer Rest}` ? Word | Words<Rest> : Text;
export type ErrorName = Words<(typeof NAMES)[keyof typeof NAMES]>;
/** An error that a client knows by itself. */
export type ClientErrorName = keyof typeof CLIENT_ERROR_CODES;

/** The number of each error, in frames and as close code. */
export const ERROR_CODES = /* @__PURE__ */ allCodes();

function allCodes(): Readonly<Record<ErrorName, number>> {
  const codes: Record<string, number> = {};
  for (const [first, names] of Object.entries(NAMES)) {
    names.split(' ').forEach((name, i) => {
      codes[name] = Number(first) + i;
    });
  }
  return codes as Record<ErrorName, number>;
}

/** When trying again makes sense. */
export type Retry = 'never' | 'later' | 'resume';

/** What a code asks for, by range, so that codes of later versions are understood too (PROTOCOL §14). */
export function retryOfCode(code: number): Retry {
  const range = (code / 100) | 0;
  const { 'too-many-connections': hubFull, 'outbox-full': outboxFull } = CLIENT_ERROR_CODES;
  if (range === 44 || code === hubFull || code === outboxFull) return 'later';
  return [41, 43, 45].includes(range) ? 'never' : 'resume';
}
