/**
 * What `ringhub serve` says once it runs: where to look, and lines to paste that work.
 */
import { SUBPROTOCOL_JSON } from '@ringhub/protocol';
import type { RunningHub } from '../start-hub.ts';

export function greeting({ url, httpUrl, token }: Pick<RunningHub, 'url' | 'httpUrl' | 'token'>): string {
  if (token === '') return `Ringhub listens at ${url}\n`;
  const quoted = shellQuoted(token);
  return `
  Ringhub (dev) is at ${httpUrl}/

  Demos       ${httpUrl}/demo/dashboard/  …/chat/  …/orders/
  Token       ${token}

  Publish     curl -H ${shellQuoted(`Authorization: Bearer ${token}`)} -d hello '${httpUrl}/v1/publish?key=greeting.world'
  Subscribe   npx wscat -c ${url} -s ${SUBPROTOCOL_JSON}
              then paste, a line at a time:
              ${JSON.stringify(['hello', { version: 1, token }])}
              ["subscribe",1,{"bindings":[["amq.topic","greeting.#"]]}]
  Elsewhere   export RINGHUB_TOKEN=${quoted} RINGHUB_URL=${httpUrl}

`;
}

const shellQuoted = (text: string): string =>
  /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
