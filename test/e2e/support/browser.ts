import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../../scripts/chromium.mjs';

/** What keeps an installed Chromium quiet: no GPU, and no traffic of its own on a closed network. */
const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The flags of every Chromium here. Its sandbox refuses to run as root. */
export const chromiumFlags = (): string[] => (process.getuid?.() === 0 ? ['--no-sandbox', ...flags] : flags);

export function chromiumPath(): string {
  const path = findChromium();
  if (!path) throw new Error('no Chromium found: set CHROMIUM_PATH, or run the tests with --no-browser');
  return path;
}

/** Starts a headless Chromium with a new profile; the caller closes it. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath(), headless: true, args: chromiumFlags() });
