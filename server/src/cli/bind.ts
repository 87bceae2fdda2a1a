/**
 * `ringhub bind` and `ringhub unbind`: what one exchange gets from another.
 */
import { bindExchange, unbindExchange } from '@ringhub/client/admin';
import { Command } from 'commander';
import { EXIT_CODES, type HubFlags, pair, talk, timeoutOf, type Values, withHub } from './session.ts';

const EXAMPLES = `
Examples:
  $ ringhub bind audit prices '#'                          audit gets all that prices gets
  $ ringhub bind audit amq.topic 'orders.*.paid'
  $ ringhub bind daily amq.headers '' --arg x-match=any --arg kind=daily
  $ ringhub unbind audit prices '#'

Such bindings are the hub's: they stay when this command ends. Both exchanges are durable, or neither.
To read from an exchange, use "ringhub sub".
${EXIT_CODES}`;

const command = (name: string, description: string, change: typeof bindExchange): Command =>
  withHub(new Command(name))
    .description(description)
    .argument('<destination>', 'exchange that gets the messages')
    .argument('<source>', 'exchange they come from')
    .argument('[key]', 'routing key, or pattern for a topic exchange', '')
    .option('--arg <name=value>', 'an argument, for headers exchanges; may be given again', pair)
    .addHelpText('after', EXAMPLES)
    .action((destination: string, source: string, key: string, flags: HubFlags & { arg?: Values }) =>
      talk(flags, async (hub, end) => {
        await change(hub, destination, source, key, flags.arg, { signal: timeoutOf(flags, end) });
        return undefined;
      }),
    );

export const bindCommand = (): Command =>
  command('bind', 'have an exchange get messages of another one', bindExchange);

export const unbindCommand = (): Command =>
  command('unbind', 'take a binding between exchanges back', unbindExchange);
