/** What runs in the browser for `bench/codec-delivery.ts`: one SDK client that reads what one subscription brings. */
import { connect, type Hub } from '@ringhub/client';
import { CODECS, type CodecName } from './codecs.ts';

let hub: Hub | undefined;
let received = 0;
let wanted = 0;
let isThere = (): void => {};

Object.assign(globalThis, {
  async open(token: string, codec: CodecName, key: string): Promise<void> {
    hub = await connect('/', { token, codec: CODECS[codec]() });
    received = 0;
    const options = {
      overflow: 'catch-up',
      capacity: 20_000,
      capacityBytes: 64 * 1024 * 1024,
      prefetch: 512,
    } as const;
    await hub.subscribe('amq.topic', key, options, (event) => {
      // Applications read what they get: JSON is parsed here, in both codecs.
      if (event.kind !== 'message' || event.data === undefined) throw new Error(JSON.stringify(event));
      if (++received === wanted) isThere();
    });
  },
  receive: (count: number): Promise<void> =>
    new Promise((resolve) => {
      wanted = count;
      isThere = resolve;
      if (received >= count) resolve();
    }),
  shut: () => hub?.close(),
});
