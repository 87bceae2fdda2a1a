/**
 * `ringhub config`: the settings in force, defaults included, secrets left out.
 */
import { Command } from 'commander';
import { NODE_LIMITS } from '../core/limits.ts';
import { withSettings } from './serve.ts';

export function configCommand(): Command {
  return withSettings(new Command('config'))
    .description('check the settings and show those in force, defaults included')
    .action(async (flags) => {
      const [{ stringify }, { settings }] = await Promise.all([import('yaml'), import('./settings.ts')]);
      const { config, warnings } = settings(flags);
      for (const warning of warnings) process.stderr.write(`ringhub: ${warning}\n`);
      const { demo = config.dev, limits, http, auth } = config;
      const inForce = {
        ...config,
        demo,
        auth: {
          ...auth,
          tokens: auth.tokens.map((entry) => (entry.token ? { ...entry, token: '(secret)' } : entry)),
          jwt: auth.jwt.map((entry) => (entry.secret ? { ...entry, secret: '(secret)' } : entry)),
        },
        http: { ...http, publicMetrics: http.publicMetrics ?? config.dev },
        limits: { ...NODE_LIMITS, ...limits },
      };
      process.stdout.write(stringify(inForce));
    });
}
