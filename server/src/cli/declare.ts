/**
 * `ringhub declare` and `ringhub delete`: exchanges come and go.
 */
import { deleteExchange } from '@ringhub/client/admin';
import { Command, Option } from 'commander';
import { EXIT_CODES, type HubFlags, talk, timeoutOf, withHub } from './session.ts';

interface DeclareFlags extends HubFlags {
  readonly type: 'direct' | 'fanout' | 'topic' | 'headers';
  readonly durable?: true;
  readonly internal?: true;
  readonly autoDelete?: true;
  readonly alternate?: string;
  readonly passive?: true;
}

const DECLARE_EXAMPLES = `
Examples:
  $ ringhub declare prices                              a topic exchange
  $ ringhub declare payments --durable                  it and its messages survive the hub
  $ ringhub declare news --type fanout --auto-delete    gone with its last binding
  $ ringhub declare refunds --type direct --alternate unclaimed
  $ ringhub declare prices --passive && echo it is there

Declared again as it is, an exchange stays as it is; declared differently, it is refused.
${EXIT_CODES}`;

export const declareCommand = (): Command =>
  withHub(new Command('declare'))
    .description('make an exchange')
    .argument('<exchange>', 'its name')
    .addOption(
      new Option('-t, --type <type>', 'how it routes')
        .choices(['direct', 'fanout', 'topic', 'headers'])
        .default('topic'),
    )
    .option('--durable', 'it, and what is published to it, survive the hub')
    .option('--internal', 'only other exchanges may publish to it')
    .option('--auto-delete', 'deleted with its last binding')
    .option('--alternate <exchange>', 'gets what this one has no binding for')
    .option('--passive', 'only check that it is there')
    .addHelpText('after', DECLARE_EXAMPLES)
    .action((exchange: string, flags: DeclareFlags) =>
      talk(flags, async (hub, end) => {
        const signal = timeoutOf(flags, end);
        const { type, durable, internal, autoDelete, alternate, passive } = flags;
        const attributes = {
          type,
          ...(durable && { durable }),
          ...(internal && { internal }),
          ...(autoDelete && { autoDelete }),
          ...(alternate !== undefined && { alternate }),
        };
        await hub.declareExchange(exchange, passive ? { passive, signal } : { ...attributes, signal });
        return undefined;
      }),
    );

const DELETE_EXAMPLES = `
Examples:
  $ ringhub delete prices
  $ ringhub delete prices --if-unused    only where nothing is bound to it
${EXIT_CODES}`;

export const deleteCommand = (): Command =>
  withHub(new Command('delete'))
    .description('take an exchange away, with all its bindings')
    .argument('<exchange>', 'its name')
    .option('--if-unused', 'only where nothing is bound to it')
    .addHelpText('after', DELETE_EXAMPLES)
    .action((exchange: string, flags: HubFlags & { ifUnused?: true }) =>
      talk(flags, async (hub, end) => {
        await deleteExchange(hub, exchange, { ifUnused: flags.ifUnused, signal: timeoutOf(flags, end) });
        return undefined;
      }),
    );
