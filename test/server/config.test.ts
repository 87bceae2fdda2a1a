/** Settings: where they come from, which wins, and what is told of mistakes. */
import { describe, expect, it } from 'vitest';
import { type Config, type ConfigSources, readConfig } from '../../server/src/config/read-config.ts';
import { NODE_LIMITS } from '../../server/src/core/limits.ts';
import { DEFAULT_LOG_LIMITS } from '../../server/src/core/volatile-log.ts';

const read = (sources: ConfigSources): Config & { warnings: readonly string[] } => {
  const result = readConfig(sources);
  if (result.kind === 'faults') throw new Error(result.faults.join('\n'));
  return { ...result.config, warnings: result.warnings };
};

const faultsOf = (sources: ConfigSources): readonly string[] => {
  const result = readConfig(sources);
  return result.kind === 'faults' ? result.faults : [];
};

const file = (text: string) => ({ file: { name: 'ringhub.yaml', text } });

describe('settings', () => {
  it('have a default each, and those are safe', () => {
    expect(read({})).toMatchObject({
      dev: false,
      host: '127.0.0.1',
      port: 8080,
      transport: 'auto',
      auth: { tokens: [] },
      http: { origins: [], maxBodyBytes: 1024 * 1024 },
      log: { level: 'info' },
      shutdown: { drainWindowMs: 5_000, drainGraceMs: 5_000, deadlineMs: 10_000 },
      warnings: [],
    });
  });

  it('agree with the built-in bounds', () => {
    expect(read({}).volatileLog).toEqual(DEFAULT_LOG_LIMITS);
    expect(read({ flags: { limits: NODE_LIMITS } }).limits).toEqual(NODE_LIMITS);
  });

  it('come from a file, over that the environment, over that flags', () => {
    const config = read({
      ...file(
        '{ host: file, port: 1, log: { level: debug }, http: { maxBodyBytes: 5, origins: ["http://a"] } }',
      ),
      env: { RINGHUB_PORT: '2', RINGHUB_HOST: 'env', RINGHUB_HTTP__MAX_BODY_BYTES: '6' },
      flags: { port: 3, host: undefined },
    });
    expect(config).toMatchObject({
      host: 'env',
      port: 3,
      log: { level: 'debug' },
      http: { maxBodyBytes: 6, origins: ['http://a'] },
    });
  });

  it('may be YAML, JSON or nothing', () => {
    expect(read(file('port: 1 # one')).port).toBe(1);
    expect(read(file('{"port": 1}')).port).toBe(1);
    expect(read(file('')).port).toBe(8080);
  });

  it('come from the environment as numbers, flags, lists and JSON', () => {
    const config = read({
      env: {
        RINGHUB_DEV: 'true',
        RINGHUB_LIMITS__MAX_CONNECTIONS: '10',
        RINGHUB_HTTP__ORIGINS: 'https://a.example, https://b.example:8443',
        RINGHUB_AUTH__TOKENS: '[{"token":"t","subject":"app","role":"server"}]',
        HOME: 'elsewhere',
      },
    });
    expect(config).toMatchObject({
      dev: true,
      limits: { maxConnections: 10 },
      http: { origins: ['https://a.example', 'https://b.example:8443'] },
      auth: { tokens: [{ token: 't', subject: 'app', role: 'server' }] },
      warnings: [],
    });
  });

  it('pass over variables that are no settings, and say so', () => {
    const { port, warnings } = read({
      env: {
        RINGHUB_PORT: 'tcp://10.0.0.1:80',
        RINGHUB_SERVICE_HOST: '10.0.0.1',
        RINGHUB_HTTP: '{}',
        RINGHUB_CONSTRUCTOR: 'x',
        RINGHUB_TOKEN: 'secret',
        RINGHUB_CONFIG: 'file',
      },
    });
    expect(port).toBe(8080);
    expect(warnings).toHaveLength(4);
    expect(warnings.join()).toContain('RINGHUB_SERVICE_HOST');
    expect(warnings.join()).not.toContain('secret');
  });
});

describe('a mistake in the settings', () => {
  it.each([
    ['prot: 1', 'prot: there is no such setting (known here: dev, '],
    ['http: { orgins: [] }', 'http.orgins: there is no such setting (known here: origins, '],
    ['port: 70000', 'port: '],
    ['port: "80"', 'port: '],
    ['transport: smoke', 'transport: '],
    ['log: { level: loud }', 'log.level: '],
    ['http: { origins: ["app.example.com"] }', 'http.origins.0: must look like https://app.example.com'],
    ['http: { origins: ["https://app.example.com/"] }', 'http.origins.0: '],
    ['http: 5', 'http: '],
    ['auth: { tokens: [{ subject: a, role: server }] }', 'auth.tokens.0: needs one of token, tokenFile'],
    ['auth: { tokens: [{ token: a, subject: a, role: dev }] }', 'auth.tokens.0.role: '],
    ['limits: { maxConnections: 0 }', 'limits.maxConnections: '],
    ['limits: { __proto__: { maxConnections: 1 }, constructor: 1 }', 'limits.'],
    ['- port', 'ringhub.yaml: must hold keys and values'],
    ['port: [', 'ringhub.yaml: '],
  ])('is named: %s', (text, start) => {
    const faults = faultsOf(file(text));
    expect(faults).not.toEqual([]);
    expect(faults[0]?.startsWith(start), faults[0]).toBe(true);
  });

  it('does not hide others', () => {
    expect(faultsOf(file('{ port: x, host: 1, nothing: 2 }'))).toHaveLength(3);
  });

  it('in the environment or a flag is a mistake, too', () => {
    expect(faultsOf({ env: { RINGHUB_PORT: 'eighty' } })[0]).toMatch(/^port: /);
    expect(faultsOf({ flags: { port: Number.NaN } })[0]).toMatch(/^port: /);
  });
});
