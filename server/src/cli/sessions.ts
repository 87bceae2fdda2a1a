/**
 * `ringhub sessions`: who is connected or may come back, and sending them away.
 */
import { Command } from 'commander';
import {
  CliError,
  durationMs,
  EXIT,
  EXIT_CODES,
  type HubFlags,
  print,
  tokenOf,
  told,
  urlOf,
  withHub,
} from './session.ts';
import { table } from './table.ts';

interface ListFlags extends HubFlags {
  readonly subject?: string;
  readonly json?: true;
}

interface CloseFlags extends HubFlags {
  readonly subject?: string;
  readonly session?: string;
  readonly revoke?: string | true;
}

interface SessionRow {
  readonly session: string;
  readonly subject: string;
  readonly role: string;
  readonly client: string;
  readonly state: string;
  readonly parkedForMs?: number;
  readonly subscriptions: number;
  readonly consumers: number;
  readonly bytes: number;
}

const EXAMPLES = `
Examples:
  $ ringhub sessions list
  $ ringhub sessions list --subject alice --json
  $ ringhub sessions close --subject alice            they may come back with what they are permitted now
  $ ringhub sessions close --subject alice --revoke   tokens issued before now are refused, for a day
  $ ringhub sessions close --subject alice --revoke 7d
  $ ringhub sessions close --session 3kTMd9…
${EXIT_CODES}`;

const PAGE = 1_000;

export function sessionsCommand(): Command {
  const command = new Command('sessions').description(
    'show sessions, or close them; takes the permission admin',
  );
  command.addCommand(
    withHub(new Command('list'))
      .description('show sessions, attached and parked')
      .option('--subject <subject>', 'only of this subject')
      .option('--json', 'one JSON object a line')
      .action((flags: ListFlags) => ended(list(flags))),
  );
  command.addCommand(
    withHub(new Command('close'))
      .description('close sessions; what waits for them is dropped')
      .option('--subject <subject>', 'all sessions of this subject')
      .option('--session <id>', 'this session')
      .option(
        '--revoke [duration]',
        'with --subject: refuse tokens issued before now, for 24h or as long as given',
      )
      .addHelpText('after', EXAMPLES)
      .action((flags: CloseFlags) => ended(close(flags))),
  );
  return command.addHelpText('after', EXAMPLES);
}

async function list(flags: ListFlags): Promise<void> {
  const rows: SessionRow[] = [];
  for (let after = ''; ; ) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(after && { after }) });
    if (flags.subject !== undefined) query.set('subject', flags.subject);
    const page = (await call(flags, 'GET', `/v1/sessions?${query}`)) as {
      sessions: SessionRow[];
      more: boolean;
    };
    rows.push(...page.sessions);
    const last = page.sessions.at(-1);
    if (!page.more || !last) break;
    after = last.session;
  }
  if (flags.json) await print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  else await print(sessionTable(rows));
}

async function close({ subject, session, revoke, ...flags }: CloseFlags): Promise<void> {
  if ((subject === undefined) === (session === undefined))
    throw new CliError(EXIT.usage, 'say which: either --subject or --session');
  if (revoke !== undefined && subject === undefined)
    throw new CliError(EXIT.usage, '--revoke is of what a subject was issued: use it with --subject');
  const revokeForMs = typeof revoke === 'string' ? durationMs(revoke) : undefined;
  if (typeof revoke === 'string' && revokeForMs === undefined)
    throw new CliError(EXIT.usage, `${revoke} is no duration: write it like 12h or 7d`);
  const body = { subject, session, ...(revoke !== undefined && { revoke: true, revokeForMs }) };
  const { closed, revoked } = (await call(flags, 'POST', '/v1/sessions/close', body)) as {
    closed: number;
    revoked: boolean;
  };
  await print(`closed ${closed}${revoked ? ', and refused from now on what was issued before' : ''}\n`);
}

/** Names come from clients: as JSON text they cannot move the terminal's cursor. */
const shown = (text: string): string => (/^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text));

const sessionTable = (rows: readonly SessionRow[]): string =>
  table(
    ['SESSION', 'SUBJECT', 'ROLE', 'STATE', 'CLIENT', 'SUBSCRIPTIONS', 'CONSUMERS', 'BYTES'],
    rows.map((row) => [
      row.session,
      shown(row.subject),
      row.role,
      row.parkedForMs === undefined
        ? row.state
        : `${row.state}, ${Math.round(row.parkedForMs / 1000)} s left`,
      shown(row.client),
      String(row.subscriptions),
      String(row.consumers),
      String(row.bytes),
    ]),
  );

async function call(flags: HubFlags, method: string, path: string, body?: object): Promise<unknown> {
  const url = urlOf(flags);
  const token = tokenOf(flags);
  const at = new URL(path, url.href.replace(/^ws/, 'http'));
  const answer = await fetch(at, {
    method,
    signal: AbortSignal.timeout(flags.timeout * 1000),
    ...(body && { body: JSON.stringify(body) }),
    headers: {
      'Content-Type': 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
  }).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'TimeoutError') throw error;
    throw new CliError(
      EXIT.noHub,
      `cannot reach a hub at ${url.href}: is it running? --url or RINGHUB_URL say where`,
    );
  });
  const answered = (await answer.json().catch(() => ({}))) as { error?: { text?: string } };
  if (answer.ok) return answered;
  const exitCode = answer.status === 401 ? EXIT.noHub : EXIT.refused;
  throw new CliError(exitCode, answered.error?.text ?? `the hub answered with ${answer.status}`);
}

async function ended(done: Promise<void>): Promise<void> {
  process.exit(
    await done.then(
      () => 0,
      (error: unknown) => told(error),
    ),
  );
}
