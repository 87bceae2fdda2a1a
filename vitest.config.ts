import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * Three projects, from fast to slow: `unit` (pure code, the simulation, the tidy checks), `integration`
 * (real sockets, files and processes) and `browser` (an installed Chromium, driven by playwright-core; its
 * path is in CHROMIUM_PATH, set by `scripts/test.mjs`).
 */

// Workspace imports resolve to `src/`, so no test needs a build except those that test the build.
const conditions = ['source', ...defaultServerConditions];

const integration = 'test/{server,contract,packaging,chaos}/**/*.test.{ts,tsx}';
const browser = 'test/e2e/**/*.test.{ts,tsx}';

const project = (name: string, include: string, testTimeout: number, exclude: string[] = []) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name, include: [include], exclude, testTimeout, hookTimeout: 60_000 },
});

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      // Whatever is in no other project, so that no new folder is left out by accident.
      project('unit', 'test/**/*.test.{ts,tsx}', 30_000, [integration, browser]),
      project('integration', integration, 30_000),
      project('browser', browser, 60_000),
    ],
  },
});
