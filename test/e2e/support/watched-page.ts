import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** A new page that adds to `faults` whatever must not happen on it: errors, warnings, violations of its policy. */
export async function watchedPage(
  browser: Browser,
  faults: string[],
  options: BrowserContextOptions,
  waitMs: number,
): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(waitMs);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
  });
  return page;
}
