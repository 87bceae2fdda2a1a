/**
 * The chat in a browser, against a real hub. Nothing here waits for a time: every step waits for what a visitor
 * would see, and then looks at the whole transcript, so that a line too many is found as well as one too few.
 */
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@ringhub/client';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { launchBrowser } from './support/browser.ts';
import { watchedPage } from './support/watched-page.ts';

const WAIT_MS = 40_000;
const builtPage = join(process.cwd(), 'demo/dist/chat/index.html');
const shots = process.env.RINGHUB_SHOTS ?? mkdtempSync(join(tmpdir(), 'ringhub-chat-'));
const WIDE = { width: 1600, height: 1000 };
let hub: RunningHub;
let browser: Browser;
let pages: Page[];
let faults: string[];

beforeAll(async () => {
  if (!existsSync(builtPage)) throw new Error('the pages are not built: node scripts/build.mjs demo');
  mkdirSync(shots, { recursive: true });
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  faults = [];
  pages = [];
  hub = await startHub({ port: 0 });
});

afterEach(async () => {
  for (const page of pages) await page.close();
  await hub?.close();
  expect(faults).toEqual([]);
});

/** A visitor with a page of their own; `as` names the windows in it. */
async function visit(as: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await watchedPage(
    browser,
    faults,
    { viewport: WIDE, colorScheme: 'dark', ...options },
    WAIT_MS,
  );
  pages.push(page);
  await page.goto(`${hub.httpUrl}/demo/chat/?as=${as}`);
  for (const [index] of as.split(',').entries()) await linkOf(seat(page, index), 'online');
  return page;
}

const seat = (page: Page, index = 0): Locator => page.locator(`[data-window="${index}"]`);
const linkOf = (window: Locator, state: string) =>
  window.locator(`.link-state[data-state=${state}]`).waitFor();
const note = (window: Locator, text: string | RegExp) =>
  window.locator('.note').filter({ hasText: text }).first();
const line = (window: Locator, text: string) =>
  window
    .locator('[data-kind=line] .text')
    .filter({ hasText: new RegExp(`^${text}$`) })
    .first();

async function say(window: Locator, text: string): Promise<void> {
  await window.getByLabel('Write a line').fill(text);
  await window.getByRole('button', { name: 'Send' }).click();
}

/** All lines of a window, in order, as `who: what`. */
const linesOf = (window: Locator): Promise<string[]> =>
  window
    .locator('[data-kind=line]')
    .evaluateAll((found) =>
      found.map(
        (item) => `${item.querySelector('b')?.textContent}: ${item.querySelector('.text')?.textContent}`,
      ),
    );
const waitingOf = (window: Locator): Promise<string[]> =>
  window.locator('[data-kind=waiting] .text').allTextContents();

describe('the chat', () => {
  it('shows who comes and goes', async () => {
    const ada = seat(await visit('Ada'));
    await ada.getByText('you joined').waitFor();
    const page = await visit('Ben');
    const ben = seat(page);
    await note(ada, 'Ben joined').waitFor();
    // Ada was there before: she says so.
    await ben.locator('.people li', { hasText: 'Ada' }).waitFor();
    await say(ben, 'hello');
    await line(ada, 'hello').waitFor();

    await ben.getByRole('button', { name: 'Go offline' }).click();
    await note(ada, 'Ben lost the connection').waitFor();
    await ada.locator('.people .is-away', { hasText: 'Ben' }).waitFor();
    await ben.getByRole('button', { name: 'Come back' }).click();
    await note(ada, 'Ben is back').waitFor();

    await ben.getByLabel('Your name').fill('Cleo');
    await ben.getByLabel('Your name').press('Enter');
    await note(ada, 'Ben left').waitFor();
    await note(ada, 'Cleo joined').waitFor();
    // Closing it would not do: a headless shell tells a page nothing when it is closed.
    await page.goto('about:blank');
    await note(ada, 'Cleo left').waitFor();
    await ada.locator('.people li', { hasText: 'Cleo' }).waitFor({ state: 'detached' });
    expect(await ada.locator('.note').allTextContents()).toEqual([
      'you joined',
      'Ben joined',
      'Ben lost the connection; the hub keeps what is said',
      'Ben is back',
      'Ben left',
      'Cleo joined',
      'Cleo left',
    ]);
  });

  it('shows the last 50 lines on joining', async () => {
    const writer = await connect(hub.url, { token: hub.token });
    await writer.declareExchange('chat', { type: 'topic' });
    for (let n = 1; n <= 60; n++)
      await writer.publish('chat', 'room.lobby', { from: 'Old', text: `said ${n}` });
    // Of a room that Ben does not follow.
    await writer.publish('chat', 'room.garden', { from: 'Old', text: 'in the garden' });
    await writer.close();
    const page = await visit('Ada,Ben');
    const [ada, ben] = [seat(page, 0), seat(page, 1)];
    await note(ben, 'the last 50 lines').waitFor();
    expect(await linesOf(ben)).toEqual(Array.from({ length: 50 }, (_, index) => `Old: said ${index + 11}`));
    expect((await linesOf(ada)).slice(-2)).toEqual(['Old: said 60', 'Old: in the garden']);
    await say(ada, 'and now');
    await line(ben, 'and now').waitFor();
    expect((await linesOf(ben)).slice(-2)).toEqual(['Old: said 60', 'Ada: and now']);
  });

  it('follows rooms as patterns', async () => {
    const page = await visit('Ada,Ben');
    const [ada, ben] = [seat(page, 0), seat(page, 1)];
    await ada.getByLabel('Room to write to').selectOption('garden');
    await say(ada, 'who waters the beans?');
    await line(ada, 'who waters the beans\\?').waitFor();
    await ben.getByRole('checkbox', { name: 'Garden' }).check();
    await line(ben, 'who waters the beans\\?').waitFor();
    await ben.getByRole('checkbox', { name: 'Lobby' }).uncheck();
    await ben.locator('legend code').filter({ hasText: 'room.garden' }).waitFor();
    expect(await ben.locator('legend code').allTextContents()).toEqual(['room.garden']);
    await say(ben, 'I do');
    await line(ada, 'I do').waitFor();
    // No one has come or gone.
    expect(await ada.locator('.note').allTextContents()).toEqual(['you joined', 'Ben joined']);
  });

  it('sends once what was written offline, and catches up on what was missed, in order', async () => {
    const ada = seat(await visit('Ada'));
    const ben = seat(await visit('Ben'));
    await note(ada, 'Ben joined').waitFor();
    await say(ada, 'before');
    await line(ben, 'before').waitFor();

    // Ben is away, both write.
    await ben.getByRole('button', { name: 'Go offline' }).click();
    await linkOf(ben, 'offline');
    for (const text of ['ada 1', 'ada 2', 'ada 3']) await say(ada, text);
    for (const text of ['ben 1', 'ben 2', 'ben 3']) await say(ben, text);
    await line(ada, 'ada 3').waitFor();
    expect(await waitingOf(ben)).toEqual(['ben 1', 'ben 2', 'ben 3']);
    expect(await linesOf(ben)).toEqual(['Ada: before']);
    expect(await linesOf(ada)).toEqual(['You: before', 'You: ada 1', 'You: ada 2', 'You: ada 3']);
    await ben.page().screenshot({ path: join(shots, 'chat-offline.png') });

    await ben.getByRole('button', { name: 'Come back' }).click();
    await line(ben, 'ben 3').waitFor();
    await line(ada, 'ben 3').waitFor();
    await note(ben, /back after .*3 lines caught up, nothing lost/).waitFor();
    const together = ['before', 'ada 1', 'ada 2', 'ada 3', 'ben 1', 'ben 2', 'ben 3'];
    const seenBy = (me: string) =>
      together.map(
        (text) => `${text.startsWith(me) ? 'You' : text.startsWith('ben') ? 'Ben' : 'Ada'}: ${text}`,
      );
    expect(await linesOf(ben)).toEqual(seenBy('ben'));
    expect(await linesOf(ada)).toEqual(seenBy('ada').with(0, 'You: before'));
    expect(await waitingOf(ben)).toEqual([]);
    expect(await ben.locator('[data-kind=gap]').count()).toBe(0);

    // And the other way round, both away at once.
    for (const window of [ada, ben]) {
      await window.getByRole('button', { name: 'Go offline' }).click();
      await linkOf(window, 'offline');
    }
    await say(ada, 'ada 4');
    await say(ben, 'ben 4');
    for (const window of [ben, ada]) {
      await window.getByRole('button', { name: 'Come back' }).click();
      await line(window, window === ben ? 'ben 4' : 'ada 4').waitFor();
    }
    await line(ben, 'ada 4').waitFor();
    await line(ada, 'ben 4').waitFor();
    expect((await linesOf(ben)).slice(7)).toEqual(['You: ben 4', 'Ada: ada 4']);
    expect((await linesOf(ada)).slice(7)).toEqual(['Ben: ben 4', 'You: ada 4']);
    await ben.page().screenshot({ path: join(shots, 'chat-back.png') });
  });

  it('shows a gap in its place, where the hub kept less than was said', async () => {
    const page = await visit('Ada,Ben');
    const [ada, ben] = [seat(page, 0), seat(page, 1)];
    await ben.getByLabel('The hub keeps for me').selectOption('3');
    await ben.locator('[data-granted="3"]').waitFor();
    await ben.getByRole('button', { name: 'Go offline' }).click();
    await note(ada, 'Ben lost the connection').waitFor();
    for (let n = 1; n <= 8; n++) await say(ada, `said ${n}`);
    await line(ada, 'said 8').waitFor();
    await ben.getByRole('button', { name: 'Come back' }).click();
    await note(ben, /back after .* lost/).waitFor();
    const gap = ben.locator('[data-kind=gap]');
    await gap.filter({ hasText: /[1-9] messages are missing here/ }).waitFor();
    expect(await gap.count()).toBe(1);
    // What came is in order, and the last of what was said.
    const seen = await linesOf(ben);
    expect(seen).toEqual(Array.from({ length: 8 }, (_, n) => `Ada: said ${n + 1}`).slice(8 - seen.length));
    await page.screenshot({ path: join(shots, 'chat-gap.png') });
  });

  it('goes on after the hub was restarted, and says what nobody can know', async () => {
    const window = seat(await visit('Ada'));
    await say(window, 'before');
    await line(window, 'before').waitFor();
    await hub.close();
    await linkOf(window, 'offline');
    await say(window, 'while it was gone');
    hub = await startHub({ port: hub.port });
    await linkOf(window, 'online');
    await line(window, 'while it was gone').waitFor();
    await note(window, 'An unknown number of messages is missing here: the hub was restarted').waitFor();
    await note(window, /back in a new session after .*an unknown number of lost/).waitFor();
    await window.locator('.people li', { hasText: 'you' }).waitFor();
    expect(await linesOf(window)).toEqual(['You: before', 'You: while it was gone']);
    // A browser reports every connection that fails.
    faults = faults.filter(
      (fault) => !/ERR_CONNECTION_|WebSocket connection to .* failed|ERR_EMPTY/.test(fault),
    );
  });

  it('shows two windows side by side where there is room, one on a phone', async () => {
    const wide = await visit('');
    await linkOf(seat(wide, 1), 'online');
    expect(await wide.locator('.window').count()).toBe(2);
    const phone = await visit('', { viewport: { width: 390, height: 844 }, colorScheme: 'light' });
    expect(await phone.locator('.window').count()).toBe(1);
    await phone.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await say(seat(phone), 'from a phone');
    await line(seat(wide, 0), 'from a phone').waitFor();
    await phone.screenshot({ path: join(shots, 'chat-phone-light.png'), fullPage: true });
    await wide.emulateMedia({ colorScheme: 'light' });
    await wide.getByRole('button', { name: 'Add a window' }).click();
    await linkOf(seat(wide, 2), 'online');
    await wide
      .getByText(/joined$/)
      .nth(5)
      .waitFor();
    await wide.screenshot({ path: join(shots, 'chat-wide-light.png') });
  });
});
