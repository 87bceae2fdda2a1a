/**
 * A headless Chromium as a visitor has it: a page in a minimised window is hidden, and a hidden one may be frozen.
 *
 * Pages that playwright launches always count as seen and focused. So this Chromium is started apart, and playwright
 * joins it with `noDefaults`, which leaves the pages of its default context alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { chromiumFlags, chromiumPath } from './browser.ts';

export class PlainBrowser {
  /** Windows are opened one after the other: only so it is known which page belongs to which. */
  private lastOpened: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
    private readonly browser: Browser,
    private readonly devtools: CDPSession,
  ) {}

  static async launch(): Promise<PlainBrowser> {
    const profile = mkdtempSync(join(tmpdir(), 'ringhub-browser-'));
    const flags = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
    const child = spawn(chromiumPath(), [...flags, ...chromiumFlags(), 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      const browser = await chromium.connectOverCDP(await endpointOf(child), { noDefaults: true });
      return new PlainBrowser(child, profile, browser, await browser.newBrowserCDPSession());
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** An empty page in a window of its own. */
  newWindow(): Promise<Window> {
    const opening = this.lastOpened.then(() => this.open());
    this.lastOpened = opening.catch(() => {});
    return opening;
  }

  /** All processes of the browser stop, as on a laptop whose lid is shut; returns how to go on. */
  async fallAsleep(): Promise<() => void> {
    const { processInfo } = await this.devtools.send('SystemInfo.getProcessInfo');
    for (const { id } of processInfo) process.kill(id, 'SIGSTOP');
    return () => {
      for (const { id } of processInfo) process.kill(id, 'SIGCONT');
    };
  }

  private async open(): Promise<Window> {
    const [context] = this.browser.contexts();
    const opened = context!.waitForEvent('page');
    await this.devtools.send('Target.createTarget', { url: 'about:blank', newWindow: true });
    return Window.of(await opened, context!);
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    await this.devtools.send('Browser.close').catch(() => this.child.kill('SIGKILL'));
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Window {
  private constructor(
    readonly page: Page,
    private readonly devtools: CDPSession,
    private readonly windowId: number,
  ) {}

  static async of(page: Page, context: BrowserContext): Promise<Window> {
    const devtools = await context.newCDPSession(page);
    const { windowId } = await devtools.send('Browser.getWindowForTarget');
    return new Window(page, devtools, windowId);
  }

  hide(): Promise<void> {
    return this.become('minimized', true);
  }

  show(): Promise<void> {
    return this.become('normal', false);
  }

  /** As a browser does with pages hidden for long: its scripts and timers stand still until it is seen again. */
  async freeze(): Promise<void> {
    await this.devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  /** This page's network only; it is told, as by a machine that loses its last network. */
  async setOffline(offline: boolean): Promise<void> {
    await this.devtools.send('Network.emulateNetworkConditions', {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  }

  private async become(windowState: 'minimized' | 'normal', hidden: boolean): Promise<void> {
    const { windowId } = this;
    await this.devtools.send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
    await this.page.evaluate(
      (wanted) =>
        new Promise<void>((resolve) => {
          const look = () => document.hidden === wanted && resolve();
          document.addEventListener('visibilitychange', look);
          look();
        }),
      hidden,
    );
  }
}

/** Where playwright joins in, as Chromium prints it. */
function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [endpoint] = /ws:\/\/\S+/.exec(said) ?? [];
      if (endpoint) resolve(endpoint);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Chromium ended at once: ${said}`)));
  });
}
