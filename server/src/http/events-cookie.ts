/**
 * The cookie by which a page's `EventSource`, which can send no token, says who it is (PROTOCOL §17).
 *
 * Holds the token itself, where no script reads it; opens event streams and nothing else; comes from no other site's page
 * (SameSite=Strict), and counts only where the request says so, too. It lives as long as the token.
 */
import type { Context } from 'hono';
import { type Auth, isDenial } from '../ports/auth.ts';
import { failed } from './answers.ts';
import { type AppEnv, bearerToken, isOwnPage } from './caller-token.ts';

export const EVENTS_PATH = '/v1/events';
const COOKIE = 'ringhub_events';
/** Browsers drop longer ones, silently. */
const MAX_VALUE_LENGTH = 3_800;

const foreign = (): Response =>
  failed({ error: 'forbidden', detail: { reason: 'the cookie is for pages of the hub’s own origin' } });

/** `POST /v1/events-cookie`: sets it for whoever shows the token in the header, from a page of the hub's own. */
export async function giveEventsCookie(c: Context<AppEnv>, auth: Auth, nowMs: number): Promise<Response> {
  if (!isOwnPage(c)) return foreign();
  const token = bearerToken(c);
  if (token === undefined) return failed({ error: 'unauthorized' });
  const admission = await auth.authenticate(token, c.get('caller').address);
  if (isDenial(admission)) return failed({ error: admission.denied });
  const value = encodeURIComponent(token);
  if (value.length > MAX_VALUE_LENGTH) {
    return failed({ error: 'bad-argument', detail: { field: 'token', max: MAX_VALUE_LENGTH } });
  }
  const { expiresAtMs } = admission;
  const maxAgeS = expiresAtMs === undefined ? undefined : Math.floor((expiresAtMs - nowMs) / 1000);
  return cookieAnswer(value, c, maxAgeS);
}

/** For the pages of a dev hub, whose token anybody there may have. */
export const giveDevCookie = (c: Context<AppEnv>, devToken: string): Response =>
  cookieAnswer(encodeURIComponent(devToken), c);

/** `DELETE /v1/events-cookie`: the page's user has signed out. */
export const takeEventsCookie = (c: Context<AppEnv>): Response =>
  isOwnPage(c) ? cookieAnswer('', c, 0) : foreign();

function cookieAnswer(value: string, c: Context<AppEnv>, maxAgeS?: number): Response {
  const attributes = [
    `${COOKIE}=${value}`,
    `Path=${EVENTS_PATH}`,
    ...(maxAgeS === undefined ? [] : [`Max-Age=${Math.max(0, maxAgeS)}`]),
    ...(c.get('caller').isSecure ? ['Secure'] : []),
    'HttpOnly',
    'SameSite=Strict',
  ];
  return new Response(null, {
    status: 204,
    headers: { 'Set-Cookie': attributes.join('; '), 'Cache-Control': 'no-store' },
  });
}

/** The token of the cookie, if there is one and it comes from a page of the hub's own. */
export function tokenOfCookie(c: Context<AppEnv>): string | undefined {
  if (!isOwnPage(c)) return undefined;
  for (const part of (c.req.header('Cookie') ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name !== COOKIE || value === undefined) continue;
    try {
      return decodeURIComponent(value);
    } catch {
      return '';
    }
  }
  return undefined;
}
