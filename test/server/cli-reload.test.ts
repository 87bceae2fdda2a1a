/**
 * SIGHUP to a hub that runs: permissions of roles are those of the file from then on, all else is named and takes a restart, and a file
 * with a fault changes nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ERRORS } from '@ringhub/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween } from '../../server/src/config/changed-settings.ts';
import { type Config, type ConfigInput, schema } from '../../server/src/config/schema.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { SocketClient } from '../hostile/socket-client.ts';
import { CommandLine } from './support/command-line.ts';

const ROOT = 'q7Zr1MfD0xVbYk3TnJ8sWcGh5LuEaPo2';
const ALICE = 'a8Xk2NpQ5yLdRz7TvM4wFcHj6BuEsGo1';
const TOPIC = 'amq.topic';
const folder = mkdtempSync(join(tmpdir(), 'ringhub-reload-'));
const file = join(folder, 'ringhub.json');
const commands = new CommandLine();
beforeAll(() => commands.build());
afterEach(() => commands.killAll());
afterAll(() => {
  commands.remove();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (roles: object, more: object = {}) => ({
  auth: {
    tokens: [
      { token: ROOT, subject: 'root', role: 'server' },
      { token: ALICE, subject: 'alice', role: 'guest' },
    ],
  },
  roles,
  ...more,
});
const guest = (...allow: string[]) => ({ guest: { permissions: [{ allow, exchanges: [TOPIC] }] } });
const write = (content: object | string): void =>
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });

describe.each(transportsHere)('SIGHUP to ringhub serve on %s', (transport) => {
  it('changes permissions at once, names what takes a restart, and takes no file with a fault', async () => {
    write(settings(guest('publish', 'subscribe')));
    const hub = commands.run(['serve', '--port', '0', '--transport', transport, '--config', file]);
    const port = Number((await hub.says(/listens at ws:.*:(\d+)\//))[1]);
    const alice = await SocketClient.open(port, ALICE);
    const root = await SocketClient.open(port, ROOT);
    alice.say(['subscribe', 1, { bindings: [[TOPIC, 'chat']] }], ['publish', 1, TOPIC, 'chat', 'before']);
    await alice.told('deliver');
    let seq = 1;
    /** What becomes of alice's next publish: the code it is refused with, if it is. */
    const publish = async (): Promise<number | undefined> => {
      alice.frames = [];
      alice.say(['publish', ++seq, TOPIC, 'chat', 'x']);
      await alice.until(() => alice.all('confirm').length + alice.all('refused').length > 0);
      return alice.all('refused')[0]?.code;
    };
    const reload = async (says: RegExp): Promise<void> => {
      hub.err = '';
      hub.child.kill('SIGHUP');
      await hub.says(says);
    };
    expect(await publish()).toBeUndefined();

    write(
      settings(guest('subscribe'), { limits: { maxBindings: 7 }, http: { origins: ['https://a.example'] } }),
    );
    await reload(/"roles":\["guest"\].*the permissions of these roles changed(.|\n)*take a restart/);
    expect(hub.err).toMatch(/"settings":\["http\.origins","limits\.maxBindings"\]/);
    expect(await publish()).toBe(ERRORS.forbidden.code);

    for (const [fault, told] of [
      [
        '{ roles: { guest: { permissions: [{ allow: [fly] }] } } }',
        /roles\.guest\.permissions.*nothing changes/,
      ],
      ['roles: [', /have faults: nothing changes/],
    ] as const) {
      write(fault);
      await reload(told);
      expect(await publish()).toBe(ERRORS.forbidden.code);
    }
    rmSync(file);
    await reload(/cannot read the config file.*nothing changes/);

    // As the hub was started: what needs a restart was not taken over, so it is no change back either.
    write(settings(guest('subscribe')));
    await reload(/nothing changed/);
    write(settings(guest('publish')));
    await reload(/"roles":\["guest"\]/);
    expect(await publish()).toBeUndefined();

    // A subscription that is not permitted any more gets nothing.
    root.say(['publish', 1, TOPIC, 'chat', 'for nobody']);
    await root.told('confirm');
    expect(await alice.isOpen()).toBe(true);
    expect(alice.all('deliver')).toEqual([]);

    write(settings({}));
    await reload(/"roles":\["guest"\]/);
    expect(await publish()).toBe(ERRORS.forbidden.code);
    for (const secret of [ROOT, ALICE]) expect(hub.err + hub.out).not.toContain(secret);
    for (const client of [alice, root]) client.leave();
  });
});

describe('changes of settings', () => {
  const config = (input: ConfigInput): Config => schema.parse(input);
  const rules = [{ allow: ['publish' as const], keys: ['a'] }];

  it.each([
    ['nothing', {}, {}, [], []],
    ['a role that is only named', {}, { roles: { browser: {} } }, [], []],
    ['permissions that are given', {}, { roles: { browser: { permissions: rules } } }, ['browser'], []],
    ['permissions that are taken away', { roles: { browser: { permissions: rules } } }, {}, ['browser'], []],
    [
      'permissions written as before',
      { roles: { a: { permissions: rules } } },
      { roles: { a: { permissions: [...rules] } } },
      [],
      [],
    ],
    ['limits of a role', {}, { roles: { a: { limits: { maxBindings: 1 } } } }, [], ['roles.a']],
    [
      'a limit of a role',
      { roles: { a: { limits: { maxBindings: 2 } } } },
      { roles: { a: { limits: { maxBindings: 1 } } } },
      [],
      ['roles.a.limits.maxBindings'],
    ],
    [
      'a port and a list',
      {},
      { port: 1, http: { origins: ['https://a.example'] } },
      [],
      ['port', 'http.origins'],
    ],
    ['a section', {}, { tls: { certFile: 'a', keyFile: 'b' } }, [], ['tls']],
    [
      'a secret',
      {},
      { auth: { tokens: [{ token: ROOT, subject: 'a', role: 'server' }] } },
      [],
      ['auth.tokens'],
    ],
  ] as const)('%s', (_, before, after, roles, others) => {
    const changes = changesBetween(config(before as ConfigInput), config(after as ConfigInput));
    expect([...changes.permissions.keys()]).toEqual(roles);
    expect(changes.others).toEqual(others);
    expect(JSON.stringify(changes)).not.toContain(ROOT);
  });
});
