/**
 * `ringhub doctor`: looks at everything a hub needs on this machine, and says what to do about what is missing.
 */
import { Command } from 'commander';
import { EXIT_FAILED } from './exit-codes.ts';
import { withSettings } from './serve.ts';
import { positive } from './session.ts';
import type { ServeFlags } from './settings.ts';

export interface DoctorFlags extends ServeFlags {
  readonly url?: string;
  readonly tokenFile?: string;
  /** Seconds. */
  readonly timeout: number;
}

const EXAMPLES = `
Examples:
  $ ringhub doctor -c ringhub.yaml                                      this machine, before a hub starts
  $ ringhub doctor -c ringhub.yaml --url https://hub.example --token-file app.token    and a hub that runs

With --url (or RINGHUB_URL) it connects to that hub; with a token it also publishes one message and waits for it to come back.

  ✓ fine    ! works, but look at it    ✗ must be put right

Exit codes: 0 nothing must be put right, 1 something must, 2 wrong usage.`;

export function doctorCommand(): Command {
  return withSettings(new Command('doctor'))
    .description('look at everything a hub needs, and say what to do')
    .option('--url <url>', 'a hub to try, as clients reach it (or RINGHUB_URL)')
    .option('--token-file <file>', 'file that holds a token for it (or RINGHUB_TOKEN)')
    .option('--timeout <seconds>', 'give up on that hub after so long', positive, 10)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DoctorFlags) => {
      const { examine } = await import('./doctor-checks.ts');
      let isSick = false;
      for await (const { state, what, todo } of examine(flags)) {
        isSick ||= state === 'bad';
        const advice = todo === undefined ? '' : `\n    → ${todo.replaceAll('\n', '\n      ')}`;
        process.stdout.write(`${MARKS[state]} ${what}${advice}\n`);
      }
      process.exit(isSick ? EXIT_FAILED : 0);
    });
}

const MARKS = { fine: '✓', odd: '!', bad: '✗' } as const;
