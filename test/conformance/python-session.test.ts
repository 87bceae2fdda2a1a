/** A client that shares no code with ours, over a library that is none of ours, through a whole session. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { needsPython, python } from '../python.ts';

const STEPS = [
  ...['hello', 'declare', 'subscribe', 'publish', 'confirm', 'deliver', 'ack', 'ping', 'cut', 'resume'],
  ...['sent again', 'gap', 'refused', 'bye', 'begun anew'],
];
const program = join(import.meta.dirname, 'python/session.py');
const run = promisify(execFile);
let hub: RunningHub | undefined;

afterEach(async () => {
  await hub?.close();
  hub = undefined;
});

describe.skipIf(!python)(`python3-websockets${needsPython}`, () => {
  it.each(transportsHere)('goes through a whole session in JSON over %s', async (transport) => {
    hub = await startHub({ transport });
    const env = { PATH: process.env.PATH, RINGHUB_URL: hub.httpUrl, RINGHUB_TOKEN: hub.token };
    const { stdout, stderr } = await run(python!, [program], { env, timeout: 100_000 });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(STEPS);
  });
});
