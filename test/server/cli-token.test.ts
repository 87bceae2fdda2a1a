/** `ringhub token` as a process: secrets, hashes and tokens that a hub takes. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from './support/command-line.ts';

const cli = new CommandLine();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringhub-token-'));
  await cli.build();
});

afterAll(() => {
  cli.killAll();
  cli.remove();
  rmSync(folder, { recursive: true });
});

const run = async (args: string[], input = '') => {
  const command = cli.run(['token', ...args], {}, input);
  return { code: await command.ended, out: command.out.trim(), err: command.err };
};

/** What becomes of a token at a hub. */
async function statusAt(url: string, token: string): Promise<number> {
  return (await fetch(`${url}/v1/topology`, { headers: { Authorization: `Bearer ${token}` } })).status;
}

describe('ringhub token', () => {
  it('makes secrets, hashes and tokens that a hub of the configuration takes', async () => {
    const [key, secret] = await Promise.all([run(['generate']), run(['generate'])]);
    expect([key.code, secret.code]).toEqual([0, 0]);
    expect(key.out).toMatch(/^[\w-]{43}$/);
    expect(key.out).not.toBe(secret.out);
    const hashed = await run(['hash'], `${key.out}\n`);
    expect(hashed.out).toMatch(/^sha256:[0-9a-f]{64}$/);

    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    writeFileSync(join(folder, 'private.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    writeFileSync(join(folder, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }) as string);
    const config = join(folder, 'ringhub.yaml');
    const issuer = { audience: 'ringhub', roles: ['browser', 'server'] };
    const auth = {
      tokens: [{ tokenHash: hashed.out, subject: 'app', role: 'server' }],
      jwt: [
        { ...issuer, issuer: 'https://a.test', algorithms: ['HS256'], secret: secret.out },
        {
          ...issuer,
          issuer: 'https://b.test',
          algorithms: ['ES256'],
          keyFile: join(folder, 'public.pem'),
          subjectPrefix: 'b:',
        },
      ],
    };
    writeFileSync(config, JSON.stringify({ port: 0, data: 'none', auth }));
    const serve = cli.run(['serve', '--config', config]);
    const [, port] = await serve.says(/ws:\/\/127\.0\.0\.1:(\d+)/);
    const url = `http://127.0.0.1:${port}`;

    const create = ['create', '--config', config, '--subject', 'alice'];
    const byKey = [
      '--key-file',
      join(folder, 'private.pem'),
      '--issuer',
      'https://b.test',
      '--audience',
      'ringhub',
    ];
    const made = await Promise.all([
      run(create),
      run([...create, '--role', 'server', '--expires', '8h']),
      run([...create, ...byKey]),
      run([...create, '--expires', '1s']),
    ]);
    expect(made.map(({ code, err }) => [code, err])).toEqual(made.map(() => [0, '']));
    expect(await statusAt(url, key.out)).toBe(200);
    for (const { out } of made.slice(0, 3)) expect(await statusAt(url, out)).toBe(200);
    await expect.poll(() => statusAt(url, made[3]!.out)).toBe(401);
    expect(await statusAt(url, hashed.out)).toBe(401);
    // Why somebody was not let in is in the log, what they showed is not.
    await serve.says(/somebody was not let in/);
    expect(serve.err).not.toContain(made[3]!.out);
    expect(serve.err).not.toContain(hashed.out);
  });

  it.each<[string, string[], RegExp]>([
    ['no configuration', ['create', '--subject', 'a'], /no such issuer with a secret/],
    ['no subject', ['create'], /--subject/],
    ['a life that is none', ['create', '--subject', 'a', '--expires', 'soon'], /write it like 90s/],
    [
      'a key without an issuer',
      ['create', '--subject', 'a', '--key-file', 'x'],
      /needs --issuer and --audience/,
    ],
    ['a weak key to hash', ['hash'], /at least 32 bytes/],
  ])('with %s says what to do', async (_, args, text) => {
    const { code, out, err } = await run(args, 'short\n');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(text);
  });
});
