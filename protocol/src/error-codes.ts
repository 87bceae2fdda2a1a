/**
 * The numbers of the error table and what their ranges mean (PROTOCOL §14). They stand apart from the texts of
 * `errors.ts` because a client needs only these: the hub sends the text.
 */

/**
 * Names by the code of the first; the others follow one by one. As text, because every browser that loads the SDK
 * loads this table.
 */
const NAMES = {
  4001: 'draining heartbeat-timeout slow-consumer output-overflow internal hello-timeout',
  4100: 'taken-over unauthorized bad-frame unsupported-version frame-too-large hello-expected publish-sequence resume-invalid too-many-connections',
  4200: 'session-evicted',
  4300: 'unknown-exchange bad-pattern too-many-hashes bad-argument too-many-bindings too-many-subscriptions payload-too-large unknown-tag unknown-queue forbidden unroutable bad-key bad-headers exchange-mismatch reserved-name bad-cursor bad-payload too-many-exchanges bad-name internal-exchange exchange-in-use unknown-binding',
  4400: 'publish-window unavailable',
  4500: 'outcome-unknown outbox-full closed',
} as const;

type Words<Text extends string> = Text extends `${infer Word} ${infer Rest}` ? Word | Words<Rest> : Text;

export type ErrorName = Words<(typeof NAMES)[keyof typeof NAMES]>;

/** The number of each error, in frames and as close code. */
export const ERROR_CODES = {} as Readonly<Record<ErrorName, number>>;
for (const [first, names] of Object.entries(NAMES)) {
  names.split(' ').forEach((name, i) => {
    (ERROR_CODES as Record<string, number>)[name] = Number(first) + i;
  });
}

/** When trying again makes sense. */
export type Retry = 'never' | 'later' | 'resume';

/** What a close code asks for, by range, so that codes of later versions are understood too (PROTOCOL §14). */
export function retryOfCode(code: number): Retry {
  if (code === ERROR_CODES['too-many-connections']) return 'later';
  return code >= 4100 && code < 4200 ? 'never' : 'resume';
}
