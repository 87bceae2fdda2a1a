/**
 * The numbers of the error table and what their ranges mean (PROTOCOL §14). They stand apart from the texts of
 * `errors.ts` because a client needs only some of these: the hub sends the text, and with most errors the name.
 */

/**
 * What a client has to know by itself: errors that close a connection, whose reason is no place for a name, and
 * those it raises. Names by the code of the first; the others follow one by one. As text, because every browser that
 * loads the SDK loads this table.
 */
const CLIENT_NAMES = {
  4001: 'draining heartbeat-timeout slow-consumer output-overflow internal hello-timeout',
  4100: 'taken-over unauthorized bad-frame unsupported-version frame-too-large hello-expected publish-sequence resume-invalid too-many-connections',
  4200: 'session-evicted',
  4306: 'payload-too-large',
  4308: 'unknown-queue',
  4316: 'bad-payload',
  4500: 'outcome-unknown outbox-full closed',
} as const;

/** Names that the hub sends with its error: a client learns them from there. */
const COMMAND_NAMES = {
  4300: 'unknown-exchange bad-pattern too-many-hashes bad-argument too-many-bindings too-many-subscriptions payload-too-large unknown-tag unknown-queue forbidden unroutable bad-key bad-headers exchange-mismatch reserved-name bad-cursor bad-payload too-many-exchanges bad-name internal-exchange exchange-in-use unknown-binding queue-not-found queue-mismatch queue-in-use queue-not-empty queue-exclusive too-many-queues durability-mismatch default-exchange fate-unknown',
  4400: 'publish-window unavailable queue-full store-failed',
} as const;

type Words<Text extends string> = Text extends `${infer Word} ${infer Rest}` ? Word | Words<Rest> : Text;
type NamesIn<Table> = Words<Table[keyof Table] & string>;

/** An error whose number and name a client knows by itself. */
export type ClientErrorName = NamesIn<typeof CLIENT_NAMES>;
export type ErrorName = ClientErrorName | NamesIn<typeof COMMAND_NAMES>;

function codesOf<Name extends string>(
  table: Readonly<Record<number, string>>,
): Readonly<Record<Name, number>> {
  const codes = {} as Record<string, number>;
  for (const [first, names] of Object.entries(table)) {
    names.split(' ').forEach((name, i) => {
      codes[name] = Number(first) + i;
    });
  }
  return codes as Readonly<Record<Name, number>>;
}

/** The part of {@link ERROR_CODES} that a client library needs. */
export const CLIENT_ERROR_CODES = /* @__PURE__ */ codesOf<ClientErrorName>(CLIENT_NAMES);

/** The number of each error, in frames and as close code. */
export const ERROR_CODES = /* @__PURE__ */ allCodes();

function allCodes(): Readonly<Record<ErrorName, number>> {
  return { ...CLIENT_ERROR_CODES, ...codesOf<NamesIn<typeof COMMAND_NAMES>>(COMMAND_NAMES) };
}

/** When trying again makes sense. */
export type Retry = 'never' | 'later' | 'resume';

/** What a close code asks for, by range, so that codes of later versions are understood too (PROTOCOL §14). */
export function retryOfCode(code: number): Retry {
  if (code === CLIENT_ERROR_CODES['too-many-connections']) return 'later';
  return code >= 4100 && code < 4200 ? 'never' : 'resume';
}
