/** The pages that a hub serves: which files are among them, and with what policy. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOST, setup, TOKEN } from './support/http-app-scene.ts';

describe('pages', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringhub-pages-'));
    const pages = join(folder, 'pages');
    for (const path of ['chat', 'assets', '.hidden', 'empty'])
      mkdirSync(join(pages, path), { recursive: true });
    writeFileSync(join(pages, 'chat/index.html'), '<title>chat</title>');
    writeFileSync(join(pages, 'assets/main-abc.js'), 'chat();');
    writeFileSync(join(pages, '.hidden/index.html'), 'hidden');
    writeFileSync(join(pages, 'ringhub.min.js'), 'sdk();');
    writeFileSync(join(pages, 'key.pem'), 'private');
    writeFileSync(join(folder, 'secret.html'), 'secret');
    symlinkSync(join(folder, 'secret.html'), join(pages, 'link.html'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const open = () => setup({ pagesFolder: join(folder, 'pages'), sdkFolder: join(folder, 'pages') });

  it('are listed on the index page, with a line to publish', async () => {
    const answer = await open().request('/');
    const text = await answer.text();
    expect(text).toContain('href="/demo/chat/"');
    expect(text).not.toContain('/demo/empty/');
    expect(text).not.toContain('hidden');
    expect(text).toContain(`http://${HOST}/v1/publish`);
    expect(text).not.toContain(TOKEN);
  });

  it('are served with a strict policy', async () => {
    const answer = await open().request('/demo/chat/');
    expect(await answer.text()).toContain('chat');
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/html/);
    const policy = answer.headers.get('Content-Security-Policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('*');
    expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(answer.headers.get('X-Frame-Options')).toBe('DENY');
    expect(answer.headers.get('Referrer-Policy')).toBe('no-referrer');
  });

  it('are found without their last slash', async () => {
    const answer = await open().request('/demo/chat');
    expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/demo/chat/']);
  });

  it('have built parts that may be kept', async () => {
    const answer = await open().request('/demo/assets/main-abc.js');
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/javascript/);
    expect(answer.headers.get('Cache-Control')).toContain('immutable');
  });

  it('come with the SDK, which pages of any origin may import', async () => {
    const answer = await open().request('/sdk/ringhub.js', { headers: { Origin: 'https://else.example' } });
    expect(await answer.text()).toBe('sdk();');
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
  });

  it.each([
    '/demo/../secret.html',
    '/demo/..%2fsecret.html',
    '/demo/%2e%2e/secret.html',
    '/demo/chat/..%5c..%5csecret.html',
    '/demo//secret.html',
    '/demo/.hidden/',
    '/demo/.hidden/index.html',
    '/demo/link.html',
    '/demo/key.pem',
    '/demo/chat/index.html%00.js',
    '/demo/empty/',
    '/demo/empty',
    '/sdk/ringhub.min.js',
  ])('are all there is: %s is not found', async (path) => {
    const answer = await open().request(path);
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain('secret');
  });
});
