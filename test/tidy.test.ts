/**
 * The house rules that a machine can check. Each check is also given a planted fault and a near miss, so that
 * a check that finds nothing is known to be able to find something.
 */

import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { adaptersWithoutContract, errorsWithoutTest } from './tidy/coverage.ts';
import { importFaults, layerOf, layers } from './tidy/layers.ts';
import { isScript, isTest, listFiles, readText } from './tidy/source-tree.ts';
import { impuritiesOf, objectsUsedAsMaps } from './tidy/syntax.ts';
import { machineTrace, nameFault, relativeLinks } from './tidy/text-rules.ts';

const files = listFiles();
const sources = files.filter((path) => isScript(path) && !isTest(path));
const tests = files.filter((path) => isScript(path) && isTest(path));
const tree = new Map([...sources, ...tests].map((path) => [path, readText(path)]));

describe('layers', () => {
  it('all have files, so that no rule passes for want of code', () => {
    const empty = layers.filter((layer) => !layer.later && !sources.some((path) => layerOf(path) === layer));
    expect(empty.map(({ name }) => name)).toEqual([]);
  });

  it('every import keeps to its layer', () => {
    expect(sources.flatMap((path) => importFaults(path, readText(path)))).toEqual([]);
  });

  it.each([
    ['protocol/src/frames.ts', `import { connect } from '@ringhub/client';`],
    ['protocol/src/frames.ts', `import { readFileSync } from 'node:fs';`],
    ['protocol/src/frames.ts', `import type { Ring } from '../../server/src/core/ring-queue.ts';`],
    ['server/src/core/session.ts', `import { type Engine, open } from '../ports/engine.ts';`],
    ['server/src/core/session.ts', `export * from '../hub.ts';`],
    ['server/src/core/session.ts', `const hub = () => import('../hub.ts');`],
    ['server/src/core/session.ts', `type Hub = import('../hub.ts').Hub;`],
    ['server/src/core/session.ts', `import { nanoid } from 'nanoid';`],
    ['server/src/core/session.ts', `import { parse } from '../../../protocol/src/index.ts';`],
    ['server/src/ports/engine.ts', `import type { Log } from '../core/volatile-log.ts';`],
    ['server/src/hub.ts', `import { WsTransport } from './transports/ws.ts';`],
    ['server/src/gateway.ts', `import { WebSocketServer } from 'ws';`],
    ['server/src/transports/ws.ts', `import { Ring } from '../core/ring-queue.ts';`],
    ['server/src/transports/ws.ts', `import type { Hub } from '../hub.ts';`],
    ['server/src/transports/ws.ts', `import { Embedded } from '../engines/embedded.ts';`],
    ['server/src/http/app.ts', `import { Hub } from '../hub.ts';`],
    ['client-sdk/src/connect.ts', `import WebSocket from 'ws';`],
    ['client-sdk/src/connect.ts', `const ws = () => import('ws' as string);`],
    ['client-sdk/src/connect.ts', `const ws = (name: string) => import(name);`],
    ['demo/chat/main.tsx', `import { ERRORS } from '@ringhub/protocol';`],
    ['demo/chat/main.tsx', `import { sample } from '../src/feeder/host-sampler.ts';`],
    ['demo/chat/main.tsx', `import { join } from 'node:path';`],
    ['demo/chat/main.tsx', `import { connect } from '../../client-sdk/src/index.ts';`],
    ['somewhere/new.ts', ''],
  ])('refuses in %s: %s', (path, text) => {
    expect(importFaults(path, text)).toHaveLength(1);
  });

  it.each([
    ['protocol/src/frames.ts', `import type { Position } from './position.ts'; // from 'node:fs'`],
    ['protocol/src/frames.ts', `const example = "import { x } from 'ws'";`],
    ['server/src/core/session.ts', `import { encode } from '@ringhub/protocol';`],
    ['server/src/hub.ts', `import { Session } from './core/session.ts';`],
    ['server/src/engines/embedded.ts', `import { VolatileLog } from '../core/volatile-log.ts';`],
    ['server/src/http/app.ts', `import type { Hub } from '../hub.ts'; import { Hono } from 'hono';`],
    ['server/src/main.ts', `import { WsTransport } from './transports/ws.ts'; import 'node:fs';`],
    ['bench/routing.ts', `import { Trie } from '../server/src/core/topic-trie.ts';`],
    ['client-sdk/src/connect.ts', `import { encode } from '@ringhub/protocol';`],
    ['demo/chat/main.tsx', `import { connect } from '@ringhub/client'; import { render } from 'preact';`],
  ])('allows in %s: %s', (path, text) => {
    expect(importFaults(path, text)).toEqual([]);
  });
});

describe('purity', () => {
  it('protocol and core touch no clock, randomness, promise or platform', () => {
    const pure = sources.filter((path) => ['protocol', 'core'].includes(layerOf(path)?.name ?? ''));
    const findings = pure.flatMap((path) =>
      impuritiesOf(path, readText(path)).map((impurity) => `${path}: ${impurity}`),
    );
    expect(findings).toEqual([]);
  });

  it.each([
    ['const t = Date.now();', 'Date.now'],
    [`const t = Date['now']();`, 'Date.now'],
    ['const t = new Date();', 'Date()'],
    ['const r = Math.random() * 2;', 'Math.random'],
    ['setTimeout(() => {}, 5);', 'setTimeout'],
    ['const later: Promise<number> | undefined = undefined;', 'Promise'],
    ['async function f() {}', 'async'],
    ['const t = performance.now();', 'performance'],
    ['const later = globalThis.setTimeout;', 'globalThis'],
    ['const queue = `${' + 'Math.random()}`;', 'Math.random'],
  ])('finds in %s: %s', (text, impurity) => {
    expect(impuritiesOf('x.ts', text)).toContain(impurity);
  });

  it.each([
    '// Promise, await, Date.now()',
    `const text = 'Math.random() and setTimeout';`,
    'const time = new Date(nowMs).toISOString();',
    'const slow = stats.performance; const entry = { Promise: 1, console: 2 };',
    'const floor = Math.floor(dateNow);',
    'interface Clock { setTimeout(ms: number): void }',
  ])('finds nothing in %s', (text) => {
    expect(impuritiesOf('x.ts', text)).toEqual([]);
  });
});

describe('X7: names that peers choose', () => {
  /** Filled with names of our own. */
  const ours = ['protocol/src/error-codes.ts: codes'];

  it('are keys of Maps, or of objects without a prototype', () => {
    const findings = sources
      .filter((path) => /^(server|protocol|client-sdk)\/src\//.test(path))
      .flatMap((path) => objectsUsedAsMaps(path, readText(path)).map((name) => `${path}: ${name}`));
    expect(findings).toEqual(ours);
  });

  it.each([
    'const seen = {}; for (const name of names) seen[name] = 1;',
    'const seen: Record<string, number> = {}; seen[key] ??= 1;',
    'const seen = {} as Seen; seen[a + b] += 1;',
    'class A { seen: Seen = {}; add(name: string) { this.seen[name] = 1; } }',
  ])('are found in %s', (text) => {
    expect(objectsUsedAsMaps('x.ts', text)).toEqual(['seen']);
  });

  it.each([
    'const seen = new Map(); seen.set(name, 1);',
    'const seen = Object.create(null); seen[name] = 1;',
    'const seen = []; seen[at] = 1;',
    `const seen = {}; seen['one'] = 1; seen.two = 2;`,
    'const seen = {}; const one = seen[name];',
  ])('are not found in %s', (text) => {
    expect(objectsUsedAsMaps('x.ts', text)).toEqual([]);
  });
});

describe('files', () => {
  const lineLimit = 450;

  it('are named in kebab-case, for their noun', () => {
    expect([...sources, ...tests].map(nameFault).filter(Boolean)).toEqual([]);
  });

  it(`of source have at most ${lineLimit} lines`, () => {
    const lineCount = (path: string) => readText(path).split('\n').length - 1;
    expect(sources.filter((path) => lineCount(path) > lineLimit)).toEqual([]);
  });

  it('name no registry and no place on a developer’s machine', () => {
    const text = files.filter((path) =>
      /(^|\/)[^.]*$|\.(ts|tsx|mjs|json|md|html|css|ya?ml|npmrc)$/.test(path),
    );
    const findings = text.map((path) => [path, machineTrace(readText(path))]).filter(([, trace]) => trace);
    expect(findings).toEqual([]);
  });

  it('of Markdown link to files that exist', () => {
    const exists = (path: string) =>
      files.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`));
    const pages = files.filter((path) => path.endsWith('.md'));
    const broken = pages.flatMap((page) =>
      relativeLinks(page, readText(page))
        .filter((target) => target !== '.' && !exists(target))
        .map((target) => `${page} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it.each([
    'server/src/ringQueue.ts',
    'server/src/utils.ts',
    'server/src/core/session-manager.ts',
    'server/types/x.ts',
  ])('refuses the name %s', (path) => expect(nameFault(path)).toBeDefined());

  it.each([
    'server/src/exchange-types.ts',
    'test/core/topic-trie.property.test.ts',
    'protocol/src/codec-json.ts',
  ])('allows the name %s', (path) => expect(nameFault(path)).toBeUndefined());

  it('finds registries and machine paths, and leaves URLs and API paths alone', () => {
    const slash = '/';
    expect(machineTrace(`"https://registry${'.'}example.org/ws"`)).toBeDefined();
    expect(machineTrace(`see ${slash}home${slash}ada/notes`)).toBeDefined();
    expect(machineTrace('https://example.org/home/page and ./work/x and the npm registry')).toBeUndefined();
  });

  it('finds the links of a page, but not those of its examples', () => {
    const page =
      '[a](./a.md#x) [b](https://example.org) `[c](c.md)`\n```\n[d](d.md)\n```\n[e](../e.md "E")\n[f](#here)';
    expect(relativeLinks('docs/page.md', page)).toEqual(['docs/a.md', 'e.md']);
  });
});

describe('tests', () => {
  const adapterFolders = { transports: 'transport', engines: 'engine', stores: 'store', auth: 'auth' };

  it.each(Object.entries(adapterFolders))('every adapter in %s runs the %s contract', (folder, subject) => {
    expect(adaptersWithoutContract(tree, folder, subject)).toEqual([]);
  });

  it('name every error of the table', () => {
    expect(errorsWithoutTest(tree, Object.keys(ERRORS))).toEqual([]);
  });

  it('are missed where an adapter has none', () => {
    const planted = new Map([
      [
        'server/src/transports/ws.ts',
        `import type { T } from '../ports/transport.ts'; import './frames.ts';`,
      ],
      ['server/src/transports/frames.ts', `import type { F } from '../ports/transport.ts';`],
      ['server/src/transports/uws.ts', `import type { T } from '../ports/transport.ts';`],
      ['server/src/transports/limits.ts', ''],
      ['test/contract/transport.test.ts', `import '../../server/src/transports/ws.ts'; // uws.ts`],
      ['test/contract/engine.test.ts', `import '../../server/src/transports/uws.ts';`],
    ]);
    expect(adaptersWithoutContract(planted, 'transports', 'transport')).toEqual([
      'server/src/transports/uws.ts',
    ]);
  });

  it('are missed where an error has none', () => {
    const planted = new Map([
      ['test/core/session.test.ts', `expect(name).toBe('bad-frame'); // unroutable`],
      ['test/server/hostile-frames.test.ts', 'it("a second hello is hello-expected")'],
      ['server/src/gateway.ts', `refuse('draining')`],
    ]);
    const names = ['bad-frame', 'unroutable', 'hello-expected', 'draining'];
    expect(errorsWithoutTest(planted, names)).toEqual(['unroutable', 'draining']);
  });
});
