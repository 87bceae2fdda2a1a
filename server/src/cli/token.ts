/**
 * `ringhub token`: makes API keys, their hashes for the configuration, and tokens of its issuers for trying out.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT_USAGE } from './exit-codes.ts';
import { fail } from './fail.ts';
import { durationMs } from './session.ts';
import type { ServeFlags } from './settings.ts';

const EXAMPLES = `
Examples:
  $ ringhub token generate > app.token             a new API key, or a secret for HS256
  $ ringhub token hash < app.token                 sha256:…, for auth.tokens: [{ tokenHash: … }]
  $ ringhub token create --config ringhub.yaml --subject alice --expires 15m
                                                   a token of the issuer in auth.jwt that has a secret
  $ ringhub token create --key-file private.pem --issuer https://id.example --audience ringhub --subject alice

A server makes tokens for its pages by createToken of @ringhub/client/token.`;

interface CreateFlags extends Pick<ServeFlags, 'config'> {
  readonly subject: string;
  readonly role?: string;
  readonly expires: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly keyFile?: string;
  readonly keyId?: string;
}

export function tokenCommand(): Command {
  const command = new Command('token')
    .description('make API keys, hashes of them, and JSON Web Tokens')
    .addHelpText('after', EXAMPLES);
  command
    .command('generate')
    .description('print a new random secret of 256 bit')
    .action(async () => {
      const { randomBytes } = await import('node:crypto');
      print(randomBytes(32).toString('base64url'));
    });
  command
    .command('hash')
    .description('read an API key from stdin or a file, print its hash for auth.tokens')
    .option('--token-file <file>', 'file that holds the key')
    .action(hash);
  command
    .command('create')
    .description('print a token, signed by the secret of an issuer in the configuration or by a private key')
    .requiredOption('--subject <name>', 'whom it names')
    .option('--role <role>', 'its role (default: the first of its issuer’s)')
    .option('--expires <duration>', 'how long it is good: 90s, 15m, 8h', '15m')
    .option('-c, --config <file>', 'configuration of the hub (or RINGHUB_CONFIG)')
    .option('--issuer <issuer>', 'which issuer of the configuration, or of the private key')
    .option('--audience <audience>', 'for a private key: what the hub has as audience')
    .option('--key-file <file>', 'private key in PKCS #8 PEM form, instead of a secret of the configuration')
    .option('--key-id <kid>', 'name of that key')
    .action(create);
  return command;
}

async function hash({ tokenFile }: { tokenFile?: string }): Promise<void> {
  const [{ hashOf }, { secretFault }] = await Promise.all([
    import('../auth/configured-tokens.ts'),
    import('../auth/secret-faults.ts'),
  ]);
  const token = textOf(tokenFile ?? 0, 'the key').trim();
  const fault = secretFault(token);
  if (fault !== undefined) fail(EXIT_USAGE, fault);
  print(hashOf(token));
}

async function create(flags: CreateFlags): Promise<void> {
  const expiresInMs = durationMs(flags.expires);
  if (expiresInMs === undefined || expiresInMs < 1_000) {
    fail(EXIT_USAGE, `--expires ${flags.expires} is no duration: write it like 90s, 15m or 8h`);
  }
  const { createToken } = await import('@ringhub/client/token');
  const { subject, role } = flags;
  const request = { subject, role, expiresInSec: Math.floor(expiresInMs / 1000), ...(await signerOf(flags)) };
  print(await createToken(request).catch((error: Error) => fail(EXIT_USAGE, error.message)));
}

async function signerOf(flags: CreateFlags) {
  const { keyFile, keyId, issuer, audience, role } = flags;
  if (keyFile !== undefined) {
    if (issuer === undefined || audience === undefined) {
      return fail(EXIT_USAGE, '--key-file needs --issuer and --audience, as the hub has them in auth.jwt');
    }
    return { privateKey: textOf(keyFile, 'the private key'), keyId, issuer, audience };
  }
  const [{ settings }, { readSecretFile }] = await Promise.all([
    import('./settings.ts'),
    import('../auth/secret-file.ts'),
  ]);
  const { config } = settings({ ...(flags.config !== undefined && { config: flags.config }) });
  const shared = config.auth.jwt.filter(({ algorithms }) => algorithms.includes('HS256'));
  const fit = shared.filter((entry) => issuer === undefined || entry.issuer === issuer);
  const [entry, ...others] = fit;
  if (!entry) {
    return fail(EXIT_USAGE, 'no such issuer with a secret is in auth.jwt: name a --config, or a --key-file');
  }
  if (others.length > 0) {
    return fail(
      EXIT_USAGE,
      `auth.jwt has several: say --issuer ${fit.map((one) => one.issuer).join(' or ')}`,
    );
  }
  if (role !== undefined && !entry.roles.includes(role)) {
    return fail(EXIT_USAGE, `its issuer may give the roles ${entry.roles.join(', ')}, not ${role}`);
  }
  const secret = entry.secret ?? readSecretFile(entry.secretFile ?? '');
  if (secret === undefined) return fail(EXIT_USAGE, `cannot read ${entry.secretFile}`);
  const first = typeof entry.audience === 'string' ? entry.audience : (entry.audience[0] as string);
  return { secret, issuer: entry.issuer, audience: first };
}

function textOf(file: string | 0, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fail(EXIT_USAGE, `cannot read ${what} from ${file || 'stdin'}`);
  }
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
