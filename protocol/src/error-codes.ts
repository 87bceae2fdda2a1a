/**
 * The numbers of the error table and what their ranges mean (PROTOCOL §14). They stand apart from the texts of
 * `errors.ts` because a client needs only these: the hub sends the text.
 */

export const ERROR_CODES = {
  draining: 4001,
  'heartbeat-timeout': 4002,
  'slow-consumer': 4003,
  'output-overflow': 4004,
  internal: 4005,
  'hello-timeout': 4006,

  'taken-over': 4100,
  unauthorized: 4101,
  'bad-frame': 4102,
  'unsupported-version': 4103,
  'frame-too-large': 4104,
  'hello-expected': 4105,
  'publish-sequence': 4106,
  'resume-invalid': 4107,
  'too-many-connections': 4108,

  'session-evicted': 4200,

  'unknown-exchange': 4300,
  'bad-pattern': 4301,
  'too-many-hashes': 4302,
  'bad-argument': 4303,
  'too-many-bindings': 4304,
  'too-many-subscriptions': 4305,
  'payload-too-large': 4306,
  'unknown-tag': 4307,
  'unknown-queue': 4308,
  forbidden: 4309,
  unroutable: 4310,
  'bad-key': 4311,
  'bad-headers': 4312,
  'exchange-mismatch': 4313,
  'reserved-name': 4314,
  'bad-cursor': 4315,
  'bad-payload': 4316,
  'too-many-exchanges': 4317,
  'bad-name': 4318,
  'internal-exchange': 4319,
  'exchange-in-use': 4320,
  'unknown-binding': 4321,

  'publish-window': 4400,
  unavailable: 4402,

  'outcome-unknown': 4500,
  'outbox-full': 4501,
  closed: 4502,
} as const;

export type ErrorName = keyof typeof ERROR_CODES;

/** When trying again makes sense. */
export type Retry = 'never' | 'later' | 'resume';

/** What a close code asks for, by range, so that codes of later versions are understood too (PROTOCOL §14). */
export function retryOfCode(code: number): Retry {
  if (code === ERROR_CODES['too-many-connections']) return 'later';
  return code >= 4100 && code < 4200 ? 'never' : 'resume';
}
