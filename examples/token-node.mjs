/**
 * Hands tokens to the pages of a site, with nothing but Node: `RINGHUB_SECRET=… node examples/token-node.mjs`. The page asks
 * by `getToken: async () => (await fetch('/token', { method: 'POST' })).text()`, as often as the SDK wants one.
 *
 * The hub's configuration has the same secret:
 *     auth: { jwt: [{ issuer: https://shop.example, audience: ringhub, algorithms: [HS256], secretFile: … }] }
 */
import { createServer } from 'node:http';
import { createToken } from '@ringhub/client/token';

const { RINGHUB_SECRET: secret, PORT = '3000' } = process.env;
if (!secret) {
  console.error(
    'RINGHUB_SECRET is not set: make one with "ringhub token generate", and give it to the hub, too',
  );
  process.exit(1);
}

/** Who is signed in; here a cookie is believed, which yours must not: look it up in your sessions. */
const userOf = (request) => /(?:^|; )user=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];

const server = createServer(async (request, response) => {
  const reply = (status, text) =>
    response.writeHead(status, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end(text);
  if (request.method !== 'POST' || request.url !== '/token') return reply(404, 'POST /token');
  // Other sites' pages have no business here.
  if (!['same-origin', undefined].includes(request.headers['sec-fetch-site']))
    return reply(403, 'same origin only');
  const user = userOf(request);
  if (!user) return reply(401, 'sign in first');
  reply(
    200,
    await createToken({
      secret,
      issuer: 'https://shop.example',
      audience: 'ringhub',
      subject: user,
      role: 'browser',
      expiresInSec: 15 * 60,
    }),
  );
});

server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`POST http://127.0.0.1:${address?.port}/token`);
});
