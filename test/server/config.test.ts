/** Settings: where they come from, which wins, and what is told of mistakes. */
import { describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../server/src/config/json-schema.ts';
import { type Config, type ConfigSources, readConfig } from '../../server/src/config/read-config.ts';
import { schema } from '../../server/src/config/schema.ts';
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

  it('name the variable that was perhaps meant', () => {
    const { warnings } = read({
      env: { RINGHUB_HTTP__MAXBODY_BYTES: '1', RINGHUB_PROT: '1', RINGHUB_SERVICE_HOST: 'x' },
    });
    expect(warnings).toEqual([
      'the environment variable RINGHUB_HTTP__MAXBODY_BYTES is no setting and was passed over: did you mean RINGHUB_HTTP__MAX_BODY_BYTES?',
      'the environment variable RINGHUB_PROT is no setting and was passed over: did you mean RINGHUB_PORT?',
      'the environment variable RINGHUB_SERVICE_HOST is no setting and was passed over',
    ]);
  });
});

describe('a mistake in the settings', () => {
  it.each([
    ['prot: 1', 'prot: there is no such setting: did you mean port?'],
    ['http: { orgins: [] }', 'http.orgins: there is no such setting: did you mean http.origins?'],
    ['max_body_bytes: 1', 'max_body_bytes: there is no such setting (known here: dev, '],
    ['maxBodyBytes: 1', 'maxBodyBytes: there is no such setting: did you mean http.maxBodyBytes?'],
    ['tls: { cert_file: a, keyFile: b }', 'tls.certFile: '],
    ['everything: 1', 'everything: there is no such setting (known here: dev, '],
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
    ['proxy: { trusted: [proxy.local] }', 'proxy.trusted.0: must be an address or a network'],
    ['proxy: { trusted: [10.0.0.0/33] }', 'proxy.trusted.0: '],
    ['proxy: { trusted: ["fd00::/129"] }', 'proxy.trusted.0: '],
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

describe('the JSON Schema of the settings', () => {
  const { properties, additionalProperties } = configJsonSchema() as {
    properties: Record<string, { properties?: object; additionalProperties?: unknown; description?: string }>;
    additionalProperties: unknown;
  };

  it('has every section, and nothing besides', () => {
    expect(Object.keys(properties).sort()).toEqual(Object.keys(schema.shape).sort());
    expect(additionalProperties).toBe(false);
    expect(properties.http?.additionalProperties).toBe(false);
    expect(properties.http?.properties).toMatchObject({
      origins: { type: 'array', items: { type: 'string', pattern: expect.any(String) } },
      maxBodyBytes: { type: 'integer', minimum: 1, default: 1024 * 1024 },
    });
  });

  it('says what settings are for', () => {
    expect(properties.data?.description).toMatch(/durable/);
    expect(properties.tls?.properties).toMatchObject({
      certFile: { description: expect.stringContaining('PEM') },
    });
  });

  it('says of every setting what it is for, however deep it stands', () => {
    const undescribed: string[] = [];
    let described = 0;
    const look = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key !== 'properties') look(value, path);
        else
          for (const [name, setting] of Object.entries(value as Record<string, { description?: string }>)) {
            if ((setting.description ?? '').length > 5) described++;
            else undescribed.push(`${path}${name}`);
            look(setting, `${path}${name}.`);
          }
      }
    };
    look(configJsonSchema(), '');
    expect(undescribed).toEqual([]);
    expect(described).toBeGreaterThan(80);
  });

  it('asks for nothing that may be left out', () => {
    expect(configJsonSchema()).not.toHaveProperty('required');
  });
});

describe('permissions of roles', () => {
  it('are read as rules', () => {
    const rules = [
      { allow: ['publish', 'subscribe'], exchanges: ['chat'], keys: ['room.*', 'user.{sub}.#'] },
      { allow: ['consume'], queues: ['inbox.{sub}'] },
    ];
    const text = JSON.stringify({ roles: { guest: { permissions: rules }, browser: {} } });
    expect(read(file(text)).roles).toEqual({ guest: { permissions: rules }, browser: {} });
    expect(read({ env: { RINGHUB_ROLES: text.slice('{"roles":'.length, -1) } }).roles).toMatchObject({
      guest: { permissions: rules },
    });
  });

  it.each([
    ['{ roles: { guest: { permissions: [{ allow: [fly] }] } } }', 'roles.guest.permissions.0.allow.0'],
    [
      '{ roles: { guest: { permissions: [{ allow: [publish], key: [a] }] } } }',
      'key: there is no such setting',
    ],
    [
      '{ roles: { guest: { permissions: [{ allow: [publish], keys: ["a.#.#.#"] }] } } }',
      'roles.guest.permissions: rule 0: keys: "a.#.#.#" is no pattern of keys',
    ],
    [
      '{ roles: { guest: { permissions: [{ allow: [publish], exchanges: ["x-{sub}"] }] } } }',
      'roles.guest.permissions: rule 0: exchanges: "x-{sub}" has {sub} in the middle of a word',
    ],
  ])('are refused with their place: %s', (text, fault) => {
    expect(faultsOf(file(text)).join()).toContain(fault);
  });
});
