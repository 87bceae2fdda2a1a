/** A dev hub gives its own pages their token at a same-origin address; tokens never stand in a URL. */
export async function fetchDevToken(): Promise<string> {
  const response = await fetch('/v1/dev/token', { cache: 'no-store' });
  if (!response.ok) throw new Error(`no token from this hub (HTTP ${response.status}): is it a dev hub?`);
  const { token } = (await response.json()) as { token: string };
  return token;
}

/** The hub that served this page. */
export function hubUrl(): string {
  const url = new URL('/v1/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
