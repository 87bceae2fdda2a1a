/** The commands that talk to a hub, as processes, against one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Hub, type Message } from '@ringhub/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { CommandLine, type Run } from './support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringhub-cli-'));
const commandLine = new CommandLine();
let running: RunningHub;
let hub: Hub;
let names = 0;

const ringhub = (...args: string[]): Run =>
  commandLine.run(args, { RINGHUB_URL: running.url, RINGHUB_TOKEN: running.token });
const ringhubReading = (input: string | Uint8Array, ...args: string[]): Run =>
  commandLine.run(args, { RINGHUB_URL: running.url, RINGHUB_TOKEN: running.token }, input);

/** An exchange that only this test uses. */
async function exchange(type: 'topic' | 'direct' | 'fanout' | 'headers' = 'topic'): Promise<string> {
  const name = `x${++names}`;
  await hub.declareExchange(name, { type });
  return name;
}

/** Messages of an exchange from here on. */
async function messages(name: string) {
  const subscription = await hub.subscribe(name, '#');
  return async (): Promise<Message> => (await subscription.next()).value as Message;
}

beforeAll(async () => {
  await commandLine.build();
  running = await startHub({ data: join(folder, 'data') });
  hub = await connect(running.url, { token: running.token });
});

afterEach(() => commandLine.killAll());

afterAll(async () => {
  await hub.close();
  await running.close();
  commandLine.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('ringhub pub', () => {
  it('publishes its argument with all properties, and prints the receipt', async () => {
    const x = await exchange();
    const next = await messages(x);
    const more = ['--content-type', 'application/json', '-H', 'n=3', '-H', 'who=me', '-H', 'z="3"'];
    const run = ringhub(
      'pub',
      x,
      'a.b',
      '{"x":1}',
      ...more,
      '--id',
      'i1',
      '--ttl',
      '5m',
      '--mandatory',
      '--json',
    );
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({ position: { log: 'v' }, sessions: 1, duplicate: false });
    expect(await next()).toMatchObject({
      routingKey: 'a.b',
      data: { x: 1 },
      headers: { n: 3, who: 'me', z: '3' },
      id: 'i1',
    });
  });

  it('publishes the whole of stdin, text or bytes', async () => {
    const x = await exchange();
    const next = await messages(x);
    expect(await ringhubReading('two\nlines\n', 'pub', x, 'k').ended).toBe(0);
    expect(await next()).toMatchObject({ data: 'two\nlines\n', contentType: 'text/plain' });
    expect(await ringhubReading(Uint8Array.of(0xff, 0), 'pub', x, 'k').ended).toBe(0);
    expect((await next()).raw).toEqual(Uint8Array.of(0xff, 0));
  });

  it('publishes each line of stdin in order, and prints as many receipts', async () => {
    const x = await exchange();
    const next = await messages(x);
    const lines = Array.from({ length: 600 }, (_, i) => `line ${i}`);
    const run = ringhubReading(`${lines.join('\n')}\n`, 'pub', x, 'k', '-l', '--json');
    for (const line of lines) expect((await next()).data).toBe(line);
    expect(await run.ended).toBe(0);
    const offsets = run.lines.map((line) => JSON.parse(line).position.offset);
    expect(offsets).toHaveLength(600);
    expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
  });

  it('says what went wrong in one line, and in its exit code', async () => {
    const x = await exchange();
    const unroutable = ringhub('pub', x, 'k', 'v', '--mandatory');
    const unknown = ringhub('pub', 'nowhere', 'k', 'v');
    const lines = ringhubReading('a\nb\n', 'pub', 'nowhere', 'k', '-l');
    expect(await Promise.all([unroutable.ended, unknown.ended, lines.ended])).toEqual([5, 1, 1]);
    expect(unroutable.err).toMatch(/^ringhub: unroutable: .*--mandatory.*\n$/);
    expect(unknown.err).toMatch(/^ringhub: unknown-exchange: .*ringhub declare.*\n$/);
    expect(lines.err).toMatch(/^ringhub: line 1: .*\nringhub: line 2: .*\n$/);
  });

  it('refuses what makes no sense before it connects', async () => {
    const runs = [
      ringhub('pub', 'x', 'k', 'v', '--ttl', 'soon'),
      ringhub('pub', 'x', 'k', 'v', '-H', 'nothing'),
      ringhub('pub', 'x'),
      ringhub('pub', 'x', 'k', 'v', '--token', 'secret'),
      ringhub('pub', 'x', 'k', 'v', '--url', 'ftp://x'),
      ringhub('pub', 'x', 'k', 'v', '--url', 'ws://x/?token=secret'),
      ringhub('pub', 'x', 'k', 'v', '--lines'),
      ringhub('pub', 'x', 'k', '--lines', '--id', 'i'),
    ];
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual(runs.map(() => 2));
  });
});

describe('ringhub sub', () => {
  it('prints payloads, with -v keys, and ends after -n messages', async () => {
    const x = await exchange();
    const run = ringhub('sub', x, 'a.#', 'b', '-v', '-n', '3');
    await run.says(/subscribed/);
    for (const key of ['a.1', 'c', 'b', 'a']) await hub.publish(x, key, `payload of ${key}`);
    expect(await run.ended).toBe(0);
    expect(run.lines).toEqual(['a.1 payload of a.1', 'b payload of b', 'a payload of a']);
  });

  it('prints everything about messages as JSON, and goes on from the cursor it told', async () => {
    const x = await exchange();
    await hub.publish(x, 'k', { n: 1 }, { id: 'i1', headers: { h: true } });
    await hub.publish(x, 'k', Uint8Array.of(1, 2));
    await hub.publish(x, 'k', 'not json', { contentType: 'application/json' });
    const first = ringhub('sub', x, '#', '--json', '--since', 'earliest', '-n', '1');
    expect([await first.ended, first.err]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(first.out)).toMatchObject({
      kind: 'message',
      exchange: x,
      routingKey: 'k',
      data: { n: 1 },
      headers: { h: true },
      id: 'i1',
    });
    const [, cursor] = await first.says(/--since (\S+)/);
    const rest = ringhub('sub', x, '#', '--json', '--since', cursor!, '-n', '2');
    expect(await rest.ended).toBe(0);
    expect(rest.lines.map((line) => JSON.parse(line))).toMatchObject([{ b64: 'AQI=' }, { data: 'not json' }]);
  });

  it('starts with the latest of each key, or at a time', async () => {
    const x = await exchange();
    for (const n of [1, 2]) await hub.publish(x, 'k', n);
    const latest = ringhub('sub', x, '#', '--since', 'last-per-key', '--json');
    await latest.says(/snapshot-end/);
    expect(latest.lines.map((line) => JSON.parse(line))).toMatchObject([
      { data: 2 },
      { kind: 'snapshot-end' },
    ]);
    const ago = ringhub('sub', x, '#', '--since', '10m', '-n', '2');
    expect(await ago.ended).toBe(0);
    expect(ago.lines).toEqual(['1', '2']);
    expect(await ringhub('sub', x, '#', '--since', 'yesterday').ended).toBe(2);
  });

  it('prints gaps in their place', async () => {
    const x = await exchange();
    const old = ['--since', 'v:another-life:5', '-n', '1'];
    await hub.publish(x, 'k', 'still there');
    const json = ringhub('sub', x, '#', '--json', ...old);
    const plain = ringhub('sub', x, '#', ...old);
    expect(await Promise.all([json.ended, plain.ended])).toEqual([0, 0]);
    expect(json.lines.map((line) => JSON.parse(line).kind)).toEqual(['gap', 'message']);
    expect(plain.out).toBe('still there\n');
    expect(plain.err).toMatch(/missed .* messages \(epoch\)/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends in good order on %s', async (signal) => {
    const x = await exchange();
    const { attached, parked } = running.stats().sessions;
    const run = ringhub('sub', x, '#');
    await run.says(/subscribed/);
    expect(running.stats().sessions.attached).toBe(attached + 1);
    run.child.kill(signal);
    expect(await run.ended).toBe(0);
    await expect.poll(() => running.stats().sessions).toEqual({ attached, parked });
  });

  it('ends in good order when the reader of its output has left', async () => {
    const x = await exchange();
    const run = ringhub('sub', x, '#');
    await run.says(/subscribed/);
    run.child.stdout.destroy();
    const publishing = setInterval(() => void hub.publish(x, 'k', 'x'.repeat(1000)).catch(() => {}), 5);
    expect(await run.ended).toBe(0);
    clearInterval(publishing);
    expect(run.err).not.toMatch(/EPIPE|Error/);
  });

  it('matches headers by the arguments of its binding', async () => {
    const x = await exchange('headers');
    const run = ringhub('sub', x, '', '--arg', 'x-match=any', '--arg', 'n=3', '-n', '1');
    await run.says(/subscribed/);
    await hub.publish(x, '', 'text', { headers: { n: '3' } });
    await hub.publish(x, '', 'number', { headers: { n: 3 } });
    expect(await run.ended).toBe(0);
    expect(run.out).toBe('number\n');
  });

  it('calls itself by its name in hub.events', async () => {
    const run = ringhub('sub', 'hub.events', '#', '--json', '-n', '1');
    await run.says(/subscribed/);
    const other = ringhub('sub', 'amq.topic', '#');
    await run.says(/ringhub sub/);
    other.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
  });
});

describe('exchanges and bindings', () => {
  it('are made, bound, listed, unbound and deleted', async () => {
    const [a, b] = [`x${++names}`, `x${++names}`];
    expect(await ringhub('declare', b, '--type', 'fanout').ended).toBe(0);
    expect(await ringhub('declare', a, '-t', 'direct', '--auto-delete', '--alternate', b).ended).toBe(0);
    expect(await ringhub('declare', a, '--passive').ended).toBe(0);
    expect(await ringhub('bind', b, a, 'k', '--arg', 'n=1').ended).toBe(0);
    const table = ringhub('list');
    const json = ringhub('list', '--json');
    expect(await Promise.all([table.ended, json.ended])).toEqual([0, 0]);
    expect(table.out).toMatch(new RegExp(`^${a} +direct +1 +auto-delete alternate=${b}$`, 'm'));
    expect(table.out).toMatch(new RegExp(`^${a} +k +${b}`, 'm'));
    expect(JSON.parse(json.out).bindings).toContainEqual(
      expect.objectContaining({ exchange: a, key: 'k', to: { exchange: b } }),
    );
    expect(await ringhub('delete', a, '--if-unused').ended).toBe(1);
    expect(await ringhub('unbind', b, a, 'k', '--arg', 'n=1').ended).toBe(0);
    expect(await ringhub('delete', b, '--if-unused').ended).toBe(0);
    const gone = ringhub('declare', b, '--passive');
    expect(await gone.ended).toBe(1);
    expect(gone.err).toContain('unknown-exchange');
  });

  it('declared differently are refused', async () => {
    const x = await exchange('topic');
    const run = ringhub('declare', x, '--type', 'direct');
    expect(await run.ended).toBe(1);
    expect(run.err).toMatch(/^ringhub: exchange-mismatch: .*\n$/);
    expect(await ringhub('declare', x, '--type', 'queue').ended).toBe(2);
  });
});

describe('ringhub queue and ringhub consume', () => {
  it('make a queue, bind it, fill it, look at it, consume it, empty it and take it away', async () => {
    const x = await exchange();
    const done = async (...args: string[]): Promise<Run> => {
      const run = ringhub(...args);
      expect([args, await run.ended, run.err]).toEqual([args, 0, expect.any(String)]);
      return run;
    };
    const limits = ['--max-messages', '4', '--overflow', 'reject-publish', '--delivery-limit', 'none'];
    await done('queue', 'declare', 'jobs', ...limits, '--retry-delay', '1s', '--retry-max', '1m');
    await done('queue', 'bind', 'jobs', x, 'jobs.#');
    expect((await done('list', '--bindings')).out).toMatch(new RegExp(`^${x} +jobs\\.# +queue jobs$`, 'm'));

    expect((await done('pub', x, 'jobs.1', 'one', '-v')).err).toMatch(
      /^ringhub: published at v:\d+; for 0 sessions; queued in jobs\n$/,
    );
    expect((await done('pub', '', 'jobs', 'two')).err).toBe('');
    const [three] = (
      await done('pub', x, 'jobs.3', '{"n":3}', '--content-type', 'application/json', '--json')
    ).lines;
    expect(JSON.parse(three!)).toMatchObject({ queues: { took: ['jobs'], refused: [] } });

    const { options, messages, figures } = JSON.parse((await done('queue', 'inspect', 'jobs')).out);
    expect(options).toMatchObject({
      maxMessages: 4,
      overflow: 'reject-publish',
      deliveryLimit: null,
      retry: { delayMs: 1_000, maxDelayMs: 60_000 },
    });
    expect(messages).toEqual({ ready: 3, inflight: 0, delayed: 0 });
    expect(figures.responseTimeMs).toBeNull();
    expect((await done('queue', 'list')).lines).toEqual([
      'QUEUE  READY  IN FLIGHT  DELAYED  CONSUMERS  ATTRIBUTES',
      'jobs   3      0          0        0          reject-publish',
    ]);

    expect((await done('consume', 'jobs', '-n', '2', '-v')).out).toBe('jobs.1 one\njobs two\n');
    // What was not asked for was not sent here: for its next consumer it is new.
    const [last] = (await done('consume', 'jobs', '-n', '1', '--json')).lines;
    expect(JSON.parse(last!)).toMatchObject({ routingKey: 'jobs.3', data: { n: 3 }, attempt: 1 });
    const [{ ledger }] = JSON.parse((await done('queue', 'list', '--json')).out);
    expect(ledger).toMatchObject({ routed: 3, acked: 3, ready: 0, inflight: 0, residual: 0 });

    await done('pub', x, 'jobs.4', 'four');
    const refused = ringhub('queue', 'delete', 'jobs', '--if-empty');
    expect([await refused.ended, refused.err]).toEqual([1, expect.stringContaining('queue-not-empty')]);
    expect((await done('queue', 'purge', 'jobs')).err).toBe('ringhub: 1 message is gone\n');
    await done('queue', 'unbind', 'jobs', x, 'jobs.#');
    expect((await done('pub', x, 'jobs.5', 'five')).err).toContain('nobody is subscribed');
    expect((await done('queue', 'delete', 'jobs', '--if-unused', '--if-empty')).err).toBe(
      'ringhub: 0 messages are gone\n',
    );
    expect((await done('queue', 'list', '--json')).out).toBe('[]\n');
  });

  it('say what went wrong in one line', async () => {
    await Promise.all(
      [
        ['queue', 'inspect', 'nowhere'],
        ['queue', 'purge', 'nowhere'],
        ['queue', 'delete', 'nowhere'],
        ['queue', 'bind', 'nowhere', 'amq.topic', '#'],
        ['consume', 'nowhere'],
      ].map(async (args) => {
        const run = ringhub(...args);
        expect([args, await run.ended]).toEqual([args, 1]);
        expect(run.err).toMatch(/^ringhub: queue-not-found: [^\n]*\n$/);
      }),
    );
  });

  it('say which queue was full, though another took the message', async () => {
    const x = await exchange('fanout');
    for (const [name, most] of [
      ['small', '1'],
      ['large', '9'],
    ] as const) {
      const limits = ['--max-messages', most, '--overflow', 'reject-publish', '--auto-delete'];
      expect(await ringhub('queue', 'declare', name, ...limits).ended).toBe(0);
      expect(await ringhub('queue', 'bind', name, x).ended).toBe(0);
    }
    const lines = ringhubReading('1\n2\n', 'pub', x, '', '--lines');
    expect(await lines.ended).toBe(0);
    expect(lines.err).toBe('ringhub: the queue small refused it (queue-full)\n');
  });

  it('hand out again what was consumed and not printed', async () => {
    expect(await ringhub('queue', 'declare', 'left').ended).toBe(0);
    for (const text of ['1', '2', '3']) await hub.publish('', 'left', text);
    const first = ringhub('consume', 'left');
    await first.says(/3\n/);
    first.child.kill('SIGINT');
    expect([await first.ended, first.err]).toEqual([0, expect.any(String)]);
    await hub.publish('', 'left', '4');
    const second = ringhub('consume', 'left', '-n', '1', '--json');
    expect(await second.ended).toBe(0);
    expect(JSON.parse(second.out)).toMatchObject({ data: '4', attempt: 1 });
  });

  it('refuse what makes no sense before they connect', async () => {
    const runs = [
      ringhub('queue'),
      ringhub('queue', 'declare'),
      ringhub('queue', 'declare', 'jobs', '--retry-delay', 'soon'),
      ringhub('queue', 'declare', 'jobs', '--delivery-limit', 'many'),
      ringhub('queue', 'declare', 'jobs', '--overflow', 'conflate'),
      ringhub('queue', 'declare', 'jobs', '--retry-max', '1m'),
      ringhub('consume', 'jobs', '--ack', 'manual'),
      ringhub('consume', 'jobs', '-n', '0'),
      ringhub('consume', 'jobs', '-n', '1', '--ack', 'none'),
    ];
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual(runs.map(() => 2));
  });
});

describe('ringhub sessions', () => {
  it('lists sessions, as a table or JSON, and closes those of a subject', async () => {
    const listed = ringhub('sessions', 'list');
    expect(await listed.ended).toBe(0);
    expect(listed.lines[0]).toMatch(/^SESSION +SUBJECT +ROLE +STATE/);
    expect(listed.out).toMatch(/ dev +dev +attached/);
    const asJson = ringhub('sessions', 'list', '--subject', 'dev', '--json');
    expect(await asJson.ended).toBe(0);
    const { session } = JSON.parse(asJson.lines[0]!) as { session: string };
    expect(await ringhub('sessions', 'list', '--subject', 'nobody', '--json').ended).toBe(0);
    const closed = ringhub('sessions', 'close', '--session', session);
    expect(await closed.ended).toBe(0);
    expect(closed.out).toBe('closed 1\n');
    const revoked = ringhub('sessions', 'close', '--subject', 'somebody else', '--revoke', '1h');
    expect(await revoked.ended).toBe(0);
    expect(revoked.out).toBe('closed 0, and refused from now on what was issued before\n');
  });

  it('says what is wrong', async () => {
    const usage = [
      ringhub('sessions', 'close'),
      ringhub('sessions', 'close', '--subject', 'a', '--session', 'b'),
      ringhub('sessions', 'close', '--session', 'b', '--revoke'),
      ringhub('sessions', 'close', '--subject', 'a', '--revoke', 'soon'),
    ];
    expect(await Promise.all(usage.map((run) => run.ended))).toEqual([2, 2, 2, 2]);
    const stranger = commandLine.run(['sessions', 'list'], {
      RINGHUB_URL: running.url,
      RINGHUB_TOKEN: 'wrong',
    });
    expect(await stranger.ended).toBe(3);
    const nowhere = commandLine.run(['sessions', 'list'], {
      RINGHUB_URL: 'ws://127.0.0.1:1',
      RINGHUB_TOKEN: 'x',
    });
    expect(await nowhere.ended).toBe(3);
    expect(nowhere.err).toContain('cannot reach a hub');
  });
});

describe('who calls, and where', () => {
  it('a token file that others can read is used, with a warning', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${running.token}\n`, { mode: 0o644 });
    const open = commandLine.run(['list', '--url', running.httpUrl, '--token-file', file]);
    expect(await open.ended).toBe(0);
    expect(open.err).toContain(`chmod 600 ${file}`);
    const own = join(folder, 'own');
    writeFileSync(own, running.token, { mode: 0o600 });
    const closed = commandLine.run(['list', '--token-file', own], { RINGHUB_URL: running.url });
    expect(await closed.ended).toBe(0);
    expect(closed.err).toBe('');
    expect(await ringhub('list', '--token-file', join(folder, 'nothing')).ended).toBe(2);
  });

  it('without a hub, or not let in, it says so and does not wait', async () => {
    const env = { RINGHUB_URL: running.url };
    const without = commandLine.run(['list'], env);
    const wrong = commandLine.run(['sub', 'amq.topic', '#'], { ...env, RINGHUB_TOKEN: 'wrong' });
    const nowhere = commandLine.run(['list', '--url', 'ws://127.0.0.1:1']);
    expect(await Promise.all([without.ended, wrong.ended, nowhere.ended])).toEqual([3, 3, 3]);
    expect(without.err).toMatch(/^ringhub: the hub wants a token: .*RINGHUB_TOKEN.*\n$/);
    expect(wrong.err).toMatch(/^ringhub: the hub does not accept this token.*\n$/);
    expect(nowhere.err).toMatch(/^ringhub: cannot reach a hub at ws:\/\/127\.0\.0\.1:1\/.*\n$/);
  });

  it.each(['pub', 'sub', 'declare', 'delete', 'bind', 'unbind', 'list'])(
    '%s --help teaches',
    async (name) => {
      const run = ringhub(name, '--help');
      expect(await run.ended).toBe(0);
      expect(run.out).toMatch(/Examples:\n {2}\$ ringhub/);
      expect(run.out).toContain('Exit codes:');
      expect(run.out).not.toMatch(/--token[ <=]/);
    },
  );
});
