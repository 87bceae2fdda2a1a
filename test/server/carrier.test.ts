/** Which transport a hub takes, by what is installed, and what it says where none is to be had. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseCarrier, createCarrier, TransportUnavailable } from '../../server/src/carrier.ts';
import { installedUws, loadUws } from '../../server/src/transports/uws-library.ts';
import { describeUws } from '../contract/uws-here.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringhub-carrier-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NATIVE = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
let count = 0;

/** A `node_modules` with a uWebSockets.js of this version; its native file is a copy, nonsense or missing. */
function nodeModules(version: string, native: { copyOf: string } | 'nonsense' | 'missing'): string {
  const modules = join(folder, String(count++));
  const home = join(modules, 'uWebSockets.js');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'uWebSockets.js', version }));
  if (native === 'nonsense') writeFileSync(join(home, NATIVE), 'this is no library');
  else if (native !== 'missing') cpSync(native.copyOf, join(home, NATIVE));
  return modules;
}

const choose = (asked: 'auto' | 'uws', ...folders: string[]) => chooseCarrier(asked, installedUws(folders));

describe('where nothing loads', () => {
  it('auto is ws, and says why', () => {
    expect(choose('auto')).toEqual({ name: 'ws', why: 'no uWebSockets.js is installed' });
    expect(choose('auto', nodeModules('20.30.0-unofficial.0', 'missing'))).toEqual({
      name: 'ws',
      why: 'uWebSockets.js 20.30.0-unofficial.0 is used only if asked for by --transport uws',
    });
    const { name, why } = choose('auto', nodeModules('20.57.0', 'missing'));
    expect([name, why]).toEqual(['ws', expect.stringMatching(/^uWebSockets\.js 20\.57\.0 has no build for/)]);
  });

  it.each([
    ['not installed', [], /^--transport uws: uWebSockets\.js is not installed .*leave --transport out/],
    [
      'without a build',
      ['missing'],
      /uWebSockets\.js 20\.57\.0 has no build for Node \d+ on \w+ \w+: use a Node/,
    ],
    ['broken', ['nonsense'], /uWebSockets\.js 20\.57\.0 does not load: .*: use a Node and a glibc/],
  ] as const)('uws %s is none, in one line that says what to do', (_, natives, text) => {
    const choice = choose('uws', ...natives.map((native) => nodeModules('20.57.0', native)));
    expect(choice.name).toBe('none');
    expect(choice.why).toMatch(text);
    expect(choice.why).not.toContain('\n');
    const create = () => createCarrier('uws', { objection: () => undefined, maxSilenceMs: 1 }, choice);
    expect(create).toThrow(TransportUnavailable);
    expect(create).toThrow(choice.why);
  });

  it('ws is ws', () => {
    expect(chooseCarrier('ws')).toEqual({ name: 'ws', why: 'asked for' });
    const { transport } = createCarrier('ws', { objection: () => undefined, maxSilenceMs: 1 });
    expect(transport.name).toBe('ws');
  });
});

describeUws('where a build loads', () => {
  const [installed] = installedUws();
  const build = { copyOf: join(installed?.folder ?? '', 'binaries', NATIVE) };

  it('auto takes a recent one, wherever it is, but no older one', () => {
    const [old, recent] = [nodeModules('20.56.9', build), nodeModules('20.57.0', build)];
    expect(choose('auto', old).name).toBe('ws');
    expect(choose('auto', old, recent)).toMatchObject({
      name: 'uws',
      why: 'uWebSockets.js 20.57.0 is installed',
      uws: { version: '20.57.0' },
    });
    expect(choose('auto', nodeModules('21.0.0', build)).name).toBe('uws');
  });

  it('auto passes over a recent one that does not load', () => {
    const [broken, recent] = [nodeModules('20.58.0', 'nonsense'), nodeModules('20.57.0', build)];
    expect(choose('auto', broken, recent)).toMatchObject({ name: 'uws', uws: { version: '20.57.0' } });
  });

  it('uws takes an older one, too, if there is no recent one', () => {
    const [old, recent] = [nodeModules('20.30.0-unofficial.0', build), nodeModules('20.57.0', build)];
    expect(choose('uws', old)).toMatchObject({ name: 'uws', uws: { version: '20.30.0-unofficial.0' } });
    expect(choose('uws', old, recent)).toMatchObject({ name: 'uws', uws: { version: '20.57.0' } });
    expect(choose('uws', old, nodeModules('20.57.0', 'nonsense')).name).toBe('uws');
  });

  it('is never replaced by an imitation in JavaScript', () => {
    expect(installed && loadUws({ ...installed, folder: folder }).kind).toBe('unusable');
  });
});
