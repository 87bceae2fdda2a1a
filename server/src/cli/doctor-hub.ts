/**
 * `ringhub doctor --url`: a hub as a client finds it, from the first request to a message that comes back.
 */
import { randomBytes } from 'node:crypto';
import { connect } from '@ringhub/client';
import type { DoctorFlags } from './doctor.ts';
import type { Finding } from './doctor-checks.ts';
import { CliError, tokenOf, urlOf } from './session.ts';

/** Clocks further apart than this make tokens that are valid here expired there. */
const MAX_SKEW_MS = 30_000;

const TLS_TODO: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'renew the certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'use the name the certificate is for, or have one made for this name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'have the certificate signed, or trust it: NODE_EXTRA_CA_CERTS=file',
  SELF_SIGNED_CERT_IN_CHAIN: 'trust its issuer: NODE_EXTRA_CA_CERTS=file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "put the issuers' certificates behind the hub's in tls.certFile",
};

export async function* hubFindings(flags: DoctorFlags): AsyncGenerator<Finding> {
  if (flags.url === undefined && !process.env.RINGHUB_URL) return;
  let url: URL;
  let token: string | undefined;
  try {
    url = urlOf(flags);
    token = tokenOf(flags);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    yield { state: 'bad', what: 'hub', todo: error.message };
    return;
  }
  const timeout = () => AbortSignal.timeout(flags.timeout * 1000);
  const http = url.href.replace(/^ws/, 'http');
  try {
    const answer = await fetch(new URL('/readyz?verbose', http), { signal: timeout() });
    yield* ofHealth(http, answer.status, await answer.text());
    yield* ofClock(answer.headers.get('Date'));
  } catch (error) {
    const { code = '', message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    yield {
      state: 'bad',
      what: `hub: cannot be reached at ${http} (${code || message})`,
      todo: TLS_TODO[code] ?? 'is it running, and does --url say how clients reach it?',
    };
    return;
  }
  if (token === undefined) {
    yield {
      state: 'odd',
      what: 'hub: no message was sent through it',
      todo: 'give it a token: --token-file or RINGHUB_TOKEN',
    };
    return;
  }
  yield await roundTrip(url, token, timeout());
}

function* ofHealth(url: string, status: number, text: string): Generator<Finding> {
  const health = jsonOf(text) as { status?: string; reasons?: string[]; warnings?: string[] } | undefined;
  if (health?.status === undefined) {
    yield {
      state: 'bad',
      what: `hub: what answers at ${url} is no hub (status ${status})`,
      todo:
        status === 403 ? 'a dev hub answers to localhost only' : 'correct --url, or what the proxy passes on',
    };
    return;
  }
  const reasons = health.reasons?.join('; ') ?? '';
  yield status === 200
    ? { state: 'fine', what: `hub: ready at ${url}` }
    : { state: 'bad', what: `hub: not ready: ${reasons}`, todo: 'look at its log' };
  for (const warning of health.warnings ?? [])
    yield { state: 'odd', what: 'hub: it is less safe than it could be', todo: warning };
}

function* ofClock(date: string | null): Generator<Finding> {
  const skewMs = date === null ? Number.NaN : Date.now() - Date.parse(date);
  // The header counts in whole seconds.
  if (Number.isFinite(skewMs) && Math.abs(skewMs) > MAX_SKEW_MS) {
    const seconds = Math.round(skewMs / 1000);
    yield {
      state: 'odd',
      what: `clock: ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the hub's`,
      todo: 'have NTP keep both',
    };
  }
}

async function roundTrip(url: URL, token: string, signal: AbortSignal): Promise<Finding> {
  const key = `ringhub.doctor.${randomBytes(6).toString('hex')}`;
  const startedMs = performance.now();
  let isFirst = true;
  const refusal = new AbortController();
  try {
    const hub = await connect(url, {
      client: 'ringhub doctor',
      signal: AbortSignal.any([signal, refusal.signal]),
      getToken: ({ reason }) => {
        if (reason === 'unauthorized') refusal.abort(new Error('the hub does not accept this token'));
        else if (!isFirst)
          refusal.abort(new Error('the WebSocket was refused: does the proxy pass upgrades on?'));
        isFirst = false;
        return token;
      },
    });
    try {
      const subscription = await hub.subscribe('amq.topic', key, { signal });
      await hub.publish('amq.topic', key, 'doctor', { signal });
      for await (const event of subscription) if (event.kind === 'message') break;
      return {
        state: 'fine',
        what: `hub: a message came back, all in ${Math.round(performance.now() - startedMs)} ms`,
      };
    } finally {
      await hub.close();
    }
  } catch (error) {
    const why = (refusal.signal.reason ?? error) as Error;
    return {
      state: 'bad',
      what: `hub: no message came back: ${why.message}`,
      todo: 'check the token, what its role may do on amq.topic, and that WebSockets reach the hub',
    };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
