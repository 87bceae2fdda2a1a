/**
 * Hands tokens to the pages of a site that runs on Express: `RINGHUB_SECRET=… node examples/token-express.mjs`. Page and hub
 * are as for token-node.mjs.
 */
import { createToken } from '@ringhub/client/token';
import express from 'express';

const { RINGHUB_SECRET: secret, PORT = '3000' } = process.env;
if (!secret) {
  console.error(
    'RINGHUB_SECRET is not set: make one with "ringhub token generate", and give it to the hub, too',
  );
  process.exit(1);
}

const app = express();

/** Who is signed in; here a cookie is believed, which yours must not: use your session middleware. */
app.use((request, _, next) => {
  request.user = /(?:^|; )user=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
  next();
});

app.post('/token', async (request, response) => {
  // Other sites' pages have no business here.
  if (!['same-origin', undefined].includes(request.get('Sec-Fetch-Site'))) return response.sendStatus(403);
  if (!request.user) return response.status(401).send('sign in first');
  const token = await createToken({
    secret,
    issuer: 'https://shop.example',
    audience: 'ringhub',
    subject: request.user,
    role: 'browser',
    expiresInSec: 15 * 60,
  });
  response.set('Cache-Control', 'no-store').type('text/plain').send(token);
});

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`POST http://127.0.0.1:${address?.port}/token`);
});
