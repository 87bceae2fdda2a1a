/**
 * `ringhub list`: the exchanges, bindings and named queues of a hub, as tables or as JSON.
 */
import type { BindingInfo, ExchangeInfo } from '@ringhub/client';
import { topology } from '@ringhub/client/admin';
import { Command } from 'commander';
import { queueTable } from './queue.ts';
import { EXIT_CODES, type HubFlags, notice, print, talk, timeoutOf, withHub } from './session.ts';
import { table } from './table.ts';

interface ListFlags extends HubFlags {
  readonly exchanges?: true;
  readonly bindings?: true;
  readonly queues?: true;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ ringhub list
  $ ringhub list --bindings
  $ ringhub list --json | jq '.exchanges[].name'
${EXIT_CODES}`;

export const listCommand = (): Command =>
  withHub(new Command('list'))
    .description('show exchanges, bindings and named queues')
    .option('--exchanges', 'only the exchanges')
    .option('--bindings', 'only the bindings')
    .option('--queues', 'only the named queues')
    .option('--json', 'everything as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((flags: ListFlags) =>
      talk(flags, async (hub, end) => {
        const found = await topology(hub, { signal: timeoutOf(flags, end) });
        const all = !flags.exchanges && !flags.bindings && !flags.queues;
        if (flags.json) await print(`${JSON.stringify(found)}\n`);
        else {
          const tables = [
            ...(all || flags.exchanges ? [exchangeTable(found.exchanges)] : []),
            ...(all || flags.bindings ? [bindingTable(found.bindings)] : []),
            ...(flags.queues || (all && found.queues.length > 0) ? [queueTable(found.queues)] : []),
          ];
          await print(tables.join('\n'));
          if (!found.complete) notice('there is more than this list holds');
        }
        return undefined;
      }),
    );

const exchangeTable = (exchanges: readonly ExchangeInfo[]): string =>
  table(
    ['EXCHANGE', 'TYPE', 'BINDINGS', 'ATTRIBUTES'],
    exchanges.map(({ name, type, bindings, durable, internal, autoDelete, alternate }) => [
      name,
      type,
      String(bindings),
      [
        durable && 'durable',
        internal && 'internal',
        autoDelete && 'auto-delete',
        alternate && `alternate=${alternate}`,
      ]
        .filter(Boolean)
        .join(' '),
    ]),
  );

function destinationText(to: BindingInfo['to']): string {
  if ('exchange' in to) return to.exchange;
  return 'namedQueue' in to ? `queue ${to.namedQueue}` : `session ${to.session} queue ${to.queue}`;
}

const bindingTable = (bindings: readonly BindingInfo[]): string =>
  table(
    ['FROM', 'KEY', 'TO', 'ARGUMENTS'],
    bindings.map(({ exchange, key, to, args = {} }) => [
      exchange,
      key === '' ? '""' : key,
      destinationText(to),
      Object.entries(args)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(' '),
    ]),
  );
