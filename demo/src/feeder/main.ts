/**
 * The feeder as a program of its own: `RINGHUB_TOKEN=… node scripts/run-ts.mjs demo/src/feeder/main.ts [url]`.
 */
import { startFeeder } from './index.ts';

const DEFAULT_URL = 'ws://127.0.0.1:8080/v1/ws';

const token = process.env.RINGHUB_TOKEN;
if (!token) {
  console.error('set RINGHUB_TOKEN to the token the hub printed when it started');
  process.exit(2);
}
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ended.abort());
const log = { info: console.log, warn: console.warn };
await startFeeder({
  url: process.argv[2] ?? DEFAULT_URL,
  token,
  signal: ended.signal,
  log,
  label: 'this feeder',
});
