/**
 * The README's five minutes, done: its curl line publishes, its lines for the browser's console receive, and so do
 * those of the page at `/`.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';

const readme = readFileSync('README.md', 'utf8');
const block = (language: string, containing: string): string => {
  for (const [, text] of readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))) {
    if (text!.includes(containing)) return text!;
  }
  throw new Error(`the README has no ${language} block with ${containing}`);
};

let hub: RunningHub;
let browser: Browser;
beforeAll(async () => {
  hub = await startHub();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await hub?.close();
});

it('a message goes from curl to the console of a browser', async () => {
  const curl = block('sh', 'curl -H').trim().replace('http://127.0.0.1:8080', hub.httpUrl);
  const { stdout } = await promisify(execFile)('sh', ['-c', `${curl} --silent --fail`], {
    env: { ...process.env, RINGHUB_TOKEN: hub.token },
  });
  expect(JSON.parse(stdout)).toMatchObject({ log: 'v', offset: 1, sessions: 0 });

  const page = await browser.newPage();
  const said = page.waitForEvent('console', (message) => message.text().includes('greeting.world'));
  await page.goto(hub.httpUrl);
  await page.evaluate(`void (async () => { ${block('js', "import('/sdk/ringhub.js')")} })()`);
  expect((await said).text()).toContain('hello');
});

it('the lines of the page at / receive, in its own console', async () => {
  const page = await browser.newPage();
  await page.goto(hub.httpUrl);
  const lines = await page.locator('pre', { hasText: 'connect' }).innerText();
  const said = page.waitForEvent('console', (message) => message.text() === 'greeting.page hello');
  const { queues } = hub.stats();
  await page.evaluate(`void (async () => { ${lines} })()`);
  await expect.poll(() => hub.stats().queues, { timeout: 20_000 }).toBe(queues + 1);
  await fetch(`${hub.httpUrl}/v1/publish?key=greeting.page`, {
    method: 'POST',
    body: 'hello',
    headers: { Authorization: `Bearer ${hub.token}`, 'Content-Type': 'text/plain' },
  });
  await said;
});
