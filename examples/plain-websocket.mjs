/**
 * The wire protocol by hand: what a client in any language does. `node examples/plain-websocket.mjs`
 *
 * It subscribes with room for two, publishes five before it acknowledges any, and is told which three it missed.
 * The numbers § are those of protocol/PROTOCOL.md.
 */
const { RINGHUB_URL = 'http://127.0.0.1:8080', RINGHUB_TOKEN: token = '' } = process.env;
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
if (!token) fail('RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here');
if (!URL.canParse(RINGHUB_URL)) fail(`RINGHUB_URL is no URL: ${RINGHUB_URL}`);

const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket; // Node has its own from 22 on.
const url = new URL('/v1/ws', RINGHUB_URL.replace(/^http/, 'ws'));
const socket = new WebSocket(url, 'ringhub.v1.json');

/** A message holds one frame or several, one a line (§2). */
const sendAll = (frames) => {
  const lines = frames.map((frame) => JSON.stringify(frame));
  for (const line of lines) console.log('>', line.replace(token, '…'));
  socket.send(lines.join('\n'));
};
const send = (...frame) => sendAll([frame]);

const SIZE = 5;
const key = `example.${crypto.randomUUID()}`;
let queue;
let lastTag = 0;
let confirmed = 0;
let accounted = 0;

/** Settles all that was received (§8), but nothing before the last publish is in: until then the queue overflows. */
function settle() {
  if (confirmed < SIZE || lastTag === 0) return;
  send('ack', queue, lastTag);
  if (accounted === SIZE) send('bye'); // §13
}

/** What is done about each frame; a client passes over frames it does not know (§2). */
const answers = {
  welcome: () => send('subscribe', 1, { bindings: [['amq.topic', key]], capacity: 2, prefetch: 1 }), // §3, §6
  ok(_ref, result) {
    queue = result.queue;
    const seqs = Array.from({ length: SIZE }, (_, i) => i + 1);
    // Together, so that they come at once and the gap is one.
    sendAll(seqs.map((seq) => ['publish', seq, 'amq.topic', key, { json: { seq } }])); // §11
  },
  confirm(runs) {
    for (const [, count] of runs) confirmed += count;
    settle();
  },
  deliver(_queue, firstTag, items) {
    for (const item of items) accounted += item.gap ? item.gap.count : 1; // §7, §9
    lastTag = firstTag + items.length - 1;
    settle();
  },
  error: (_ref, code, text) => fail(`${code}: ${text}`), // §14
  refused: (_seq, code, text) => fail(`${code}: ${text}`),
  ping: () => send('pong'), // §4
};

socket.onopen = () => send('hello', { version: 1, token });
socket.onmessage = ({ data }) => {
  for (const line of String(data).split('\n')) {
    console.log('<', line);
    const [name, ...fields] = JSON.parse(line);
    answers[name]?.(...fields);
  }
};
socket.onerror = () => fail(`no hub answers at ${url}: set RINGHUB_URL`);
socket.onclose = ({ code, reason }) => {
  if (code !== 1000) fail(`closed with ${code} ${reason}`);
  console.log(`all ${accounted} accounted for`);
};
