/** X8: whatever a peer calls itself and its things, the log stays one JSON line an event, bounded, without secrets or payloads. */

import { request } from 'node:http';
import { SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { createLog } from '../../server/src/ops/log.ts';
import { Client } from '../contract/transport-suite.ts';
import { transportsHere } from '../contract/uws-here.ts';

const running: RunningHub[] = [];
afterEach(() => Promise.all(running.splice(0).map((hub) => hub.close())));

const PAYLOAD = 'the-payload-that-nobody-may-read-in-a-log';
const MARKUP = '<script>alert(1)</script>';
const NAMES = [
  MARKUP,
  'a\nb',
  'a\u0000b',
  '\u001b[2J',
  '\u009b2J',
  '\u2028',
  '\u202egnp',
  '__proto__',
  'constructor',
  'x'.repeat(200_000),
];

describe.each(transportsHere)('X8: the log of a hub over %s', (transport) => {
  it('is not moved by hostile names, in frames and over HTTP', async () => {
    const lines: string[] = [];
    const log = createLog('trace', { write: (line: string) => void lines.push(line) });
    const hub = await startHub({ transport, log });
    running.push(hub);

    for (const name of NAMES) {
      const client = new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON));
      await client.opened;
      // Refused for its client's name, or let in: both may be told.
      client.peer.send(JSON.stringify(['hello', { version: 1, token: hub.token, client: name }]));
      const frames = [
        ['declare', 1, name, { type: 'topic' }],
        ['declareQueue', 2, name, {}],
        ['subscribe', 3, { bindings: [['amq.topic', name]] }],
        ['subscribe', 4, { bindings: [['amq.headers', '', { [name]: name }]] }],
        ['consume', 5, { consume: name }],
        ['publish', 1, name, name, PAYLOAD, { headers: { [name]: name }, id: name, contentType: name }],
        ['publish', 2, 'amq.topic', 'k', PAYLOAD, { headers: { ok: name } }],
        [name, 6],
        ['bye'],
      ];
      for (const frame of frames) client.peer.send(JSON.stringify(frame));
      await client.closed;
      const wrong = new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON));
      await wrong.opened;
      wrong.peer.send(JSON.stringify(['hello', { version: 1, token: name.slice(0, 8_000), client: 'x' }]));
      await wrong.closed;
    }

    for (const name of NAMES) {
      const path = encodeURIComponent(name.slice(0, 3_000).toWellFormed());
      for (const [method, at] of [
        ['GET', `/${path}`],
        ['GET', `/v1/queues/${path}`],
        ['DELETE', `/v1/exchanges/${path}`],
        ['POST', `/v1/publish?exchange=${path}&key=${path}&id=${path}`],
        ['GET', `/v1/history?exchange=${path}`],
        ['GET', `/demo/${path}/`],
      ] as const) {
        const answer = await ask(hub, method, at, name);
        expect(answer.status).toBeGreaterThanOrEqual(200);
        // Nothing that a browser would take for a page repeats what was asked.
        if (answer.type.includes('html')) expect(answer.text).not.toContain(MARKUP);
        else if (answer.text !== '') expect(answer.type).toMatch(/^(application\/json|text\/plain)/);
        expect(answer.policy).toContain("default-src 'none'");
      }
    }

    log.flush();
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line.length).toBeLessThan(10_000);
      expect(() => JSON.parse(line)).not.toThrow();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(line.slice(0, -1)).not.toMatch(/[<\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
      expect(line).not.toContain(hub.token);
      expect(line).not.toContain(PAYLOAD);
    }
    const after = (await (await fetch(`${hub.httpUrl}/readyz`)).json()) as { status: string };
    expect(after.status).toBe('ready');
  });
});

/** Headers, too, carry the name, as far as headers can. */
function ask(
  hub: RunningHub,
  method: string,
  path: string,
  name: string,
): Promise<{ status: number; type: string; policy: string; text: string }> {
  const inHeader = name.slice(0, 1_000).replace(/[^\x20-\x7e]/g, '');
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${hub.token}`,
      'User-Agent': inHeader,
      'X-Forwarded-For': inHeader,
      'Idempotency-Key': inHeader,
      'Content-Type': 'text/plain',
      Referer: inHeader,
    };
    const asked = request(`${hub.httpUrl}${path}`, { method, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      const { 'content-type': type = '', 'content-security-policy': policy = '' } = answer.headers;
      resolve({ status: answer.statusCode ?? 0, type, policy: String(policy), text });
    });
    asked.end(method === 'POST' ? PAYLOAD : undefined);
  });
}
