/**
 * The process of the herd: SDK clients, each with a subscription of its own, that does as it is told over IPC and says how many are back.
 *
 *     node … COUNT URL TOKEN
 */
import { WebSocket } from 'ws';
import { BinaryCodec, connect, jsonCodec } from '../../client-sdk/src/node.ts';
import { HERD_EXCHANGE, type HerdAnswer, type HerdOrder, keyOf } from './herd.ts';

const [count, url, token] = [Number(process.argv[2]), process.argv[3]!, process.argv[4]!];
/** Opened at a time. */
const AT_ONCE = 100;

/** Remembers its connection, to have it reset. */
class OpenSocket extends WebSocket {
  static readonly all = new Set<OpenSocket>();

  constructor(address: string, protocols: string[]) {
    super(address, protocols);
    OpenSocket.all.add(this);
    this.on('close', () => OpenSocket.all.delete(this));
  }
}

/** Of each client: how long after the drop it was online again; none while it is not. */
const backMs = new Array<number | undefined>(count).fill(0);
const received = new Array<Set<string>>(count);
let droppedMs = 0;
let resumed = 0;
let gaps = 0;
let failed = 0;

async function open(index: number): Promise<void> {
  const codec = index % 2 === 0 ? new BinaryCodec() : jsonCodec;
  const client = await connect(url, { token, WebSocket: OpenSocket as never, codec });
  const texts = new Set<string>();
  received[index] = texts;
  await client.subscribe(HERD_EXCHANGE, keyOf(index), { overflow: 'catch-up' }, (event) => {
    if (event.kind === 'message') texts.add(String(event.raw));
    else gaps++;
  });
  client.addEventListener('state', ({ state, resumed: isResumed }) => {
    if (state === 'closed') failed++;
    if (state !== 'online') backMs[index] = undefined;
    else {
      backMs[index] = performance.now() - droppedMs;
      if (isResumed) resumed++;
    }
  });
}

function answer(): HerdAnswer {
  return { backMs, resumed, gaps, failed, received: received.map((texts) => texts.size) };
}

process.on('message', (order: HerdOrder) => {
  if (order === 'drop' || order === 'lose') {
    droppedMs = performance.now();
    backMs.fill(undefined);
    resumed = 0;
  }
  if (order === 'drop')
    for (const socket of OpenSocket.all) {
      // RST: the other end learns of it, too.
      const { _socket } = socket as unknown as { _socket?: { resetAndClosing: boolean; destroy(): void } };
      if (_socket) _socket.resetAndClosing = true;
      _socket?.destroy();
    }
  process.send?.(answer());
});
process.on('disconnect', () => process.exit(0));

for (let i = 0; i < count; i += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) => open(i + j)));
process.send?.(answer());
