/**
 * How a caller says who it is: by `Authorization: Bearer`, for event streams also by a cookie, never in a URL (PROTOCOL §17).
 */
import type { Context } from 'hono';
import { type Auth, isDenial, type Principal } from '../ports/auth.ts';
import type { Caller, Peer } from '../ports/caller.ts';
import { failed } from './answers.ts';
import { isOwnOrigin } from './caller-rules.ts';

/** What the server gives besides a request, and what is found out about it first. */
export interface AppEnv {
  Bindings: Peer;
  Variables: { caller: Caller };
}

const BEARER = /^Bearer +([^\s]+) *$/i;
/** Names under which tokens are put into URLs elsewhere: those end in logs, histories and referrers. */
const URL_NAMES = ['token', 'access_token', 'jwt', 'api_key'];

/** The token of the header; `undefined` where there is no header, empty where it holds none. */
export function bearerToken(c: Context): string | undefined {
  const header = c.req.header('Authorization');
  return header === undefined ? undefined : (BEARER.exec(header)?.[1] ?? '');
}

/** Who shows this token, or the answer to whom it lets in nobody. */
export async function admitted(
  auth: Auth,
  token: string | undefined,
  address: string,
): Promise<Principal | Response> {
  const admission = await auth.authenticate(token, address);
  return isDenial(admission) ? failed({ error: admission.denied }) : admission;
}

/** Refuses what has a token in its URL, so that whoever did it finds out at once. */
export function urlTokenFault(url: string): Response | undefined {
  const query = url.indexOf('?');
  if (query < 0) return undefined;
  const given = new URLSearchParams(url.slice(query));
  const name = URL_NAMES.find((one) => given.has(one));
  if (name === undefined) return undefined;
  const reason = 'a token never stands in a URL: send it as Authorization: Bearer';
  return failed({ error: 'bad-argument', detail: { field: name, reason } });
}

/** Whether no other site's page is behind a request. Host and `Origin` have been checked before. */
export function isOwnPage(c: Context<AppEnv>): boolean {
  const site = c.req.header('Sec-Fetch-Site');
  const caller = c.get('caller');
  return (
    (site === undefined || site === 'same-origin' || site === 'none') &&
    (caller.origin === undefined || isOwnOrigin(caller.origin, caller))
  );
}
