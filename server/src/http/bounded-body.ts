/**
 * Bounds a request's body: by its length where that is told, else as its pieces come. What was read stays where the routes ask for
 * it; a request is never made anew, which needs one of the runtime's own kind, and servers have others.
 */
import type { Context, Next } from 'hono';

/** Goes on with a body of at most so many bytes, else answers what `refuse` says. */
export function boundedBody(maxBytes: number, refuse: () => Response) {
  return async (c: Context, next: Next): Promise<Response | undefined> => {
    const { body, headers } = c.req.raw;
    if (!body) await next();
    else if (headers.has('content-length') && !headers.has('transfer-encoding')) {
      if (Number(headers.get('content-length')) > maxBytes) return refuse();
      await next();
    } else {
      const bytes = await readWithin(body, maxBytes);
      if (!bytes) return refuse();
      c.req.bodyCache.arrayBuffer = Promise.resolve(bytes) as never;
      await next();
    }
    return undefined;
  };
}

/** All of a stream, or `undefined` where it has more than that. Pieces are joined as they come: each may be of one byte. */
async function readWithin(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<ArrayBuffer | undefined> {
  let bytes = new Uint8Array(0);
  let size = 0;
  for (const reader = body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return bytes.buffer.slice(0, size);
    const end = size + value.length;
    if (end > maxBytes) return undefined;
    if (end > bytes.length) {
      const grown = new Uint8Array(Math.min(maxBytes, Math.max(end, 2 * bytes.length)));
      grown.set(bytes.subarray(0, size));
      bytes = grown;
    }
    bytes.set(value, size);
    size = end;
  }
}
