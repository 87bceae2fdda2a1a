import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * Three projects, from fast to slow: `unit` (pure code, the simulation, the tidy checks), `integration`
 * (real sockets, files and processes) and `browser` (an installed Chromium, driven by playwright-core; its
 * path is in CHROMIUM_PATH, set by `scripts/test.mjs`).
 */

// Workspace imports resolve to `src/`, so no test needs a build except those that test the build.
const conditions = ['source', ...defaultServerConditions];

type Limits = { testTimeout: number; maxWorkers?: number };

const project = (name: string, include: string[], limits: Limits) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name, include, hookTimeout: 60_000, ...limits },
});

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      project(
        'unit',
        ['test/{protocol,core,client-sdk,sim,demo}/**/*.test.ts', 'test/*.test.ts', 'test/tidy/**/*.test.ts'],
        {
          testTimeout: 30_000,
        },
      ),
      project('integration', ['test/{server,contract,packaging}/**/*.test.ts'], { testTimeout: 30_000 }),
      project('browser', ['test/e2e/**/*.test.ts'], { testTimeout: 60_000 }),
    ],
  },
});
