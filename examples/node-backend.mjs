/**
 * A back end that takes orders and tells the world over HTTP, without the SDK: `node examples/node-backend.mjs`, then
 * `curl -d '{"item":"tea"}' http://127.0.0.1:3000/orders`
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '', PORT = '3000' } = process.env;
if (!token) {
  console.error('RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here');
  process.exit(1);
}

/** Publishes effectively once: a try whose answer was lost is repeated with the same key, and found done. */
async function publish(key, data, idempotencyKey) {
  for (let triesLeft = 3; ; ) {
    const answer = await fetch(new URL('/v1/publish', RINGHUB_URL), {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': idempotencyKey,
      },
      body: JSON.stringify({ exchange: 'amq.topic', key, data }),
      signal: AbortSignal.timeout(5_000),
    }).catch(() => undefined);
    if (answer?.ok) return answer.json();

    triesLeft -= 1;
    const mayHelp = !answer || answer.status === 429 || answer.status >= 500;
    if (!mayHelp || triesLeft === 0) {
      throw new Error(answer ? await answer.text() : `no hub answers at ${RINGHUB_URL}: set RINGHUB_URL`);
    }
    await sleep(1_000 * Number(answer?.headers.get('Retry-After') ?? 1));
  }
}

const server = createServer(async (request, response) => {
  const reply = (status, body) => response.writeHead(status).end(`${JSON.stringify(body)}\n`);
  if (request.method !== 'POST' || request.url !== '/orders') return reply(404, { error: 'POST /orders' });
  try {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) {
      text += chunk;
      if (text.length > 10_000) return reply(413, { error: 'too large' });
    }
    const order = JSON.parse(text);
    // A customer who clicks twice sends the same key twice, and orders once.
    const id = request.headers['idempotency-key']?.toString() ?? randomUUID();
    const receipt = await publish('orders.created', { id, ...order }, id);
    reply(receipt.duplicate ? 200 : 201, { id, receipt });
  } catch (error) {
    if (error instanceof SyntaxError) return reply(400, { error: 'the body is not JSON' });
    console.error(String(error));
    reply(502, { error: 'not published' });
  }
});

server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`POST orders to http://127.0.0.1:${address?.port}/orders`);
});
