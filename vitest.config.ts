import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/file-order.ts';

/**
 * Three projects, which run side by side: `unit` (pure code, the simulation, the tidy checks), `integration`
 * (real sockets, files and processes) and `browser` (an installed Chromium, driven by playwright-core; its
 * path is in CHROMIUM_PATH, set by `scripts/test.mjs`).
 */

// Workspace imports resolve to `src/`, so no test needs a build except those that test the build.
const conditions = ['source', ...defaultServerConditions];

const integration = 'test/{server,contract,packaging,chaos,hostile,conformance,bench}/**/*.test.{ts,tsx}';
/** Set by `scripts/test.mjs`, which says so, for tests of what is not installed; else they run, and fail. */
const leftOut = process.env.RINGHUB_TESTS_LEFT_OUT?.split(',') ?? [];

const browser = 'test/e2e/**/*.test.{ts,tsx}';

interface Project {
  readonly include: string;
  readonly exclude?: string[];
  readonly testTimeout: number;
}

const project = (name: string, { include, exclude = [], testTimeout }: Project) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  // Deadlines say that something hangs, not that it is slow: a loaded machine must not fail a test.
  test: {
    name,
    include: [include],
    exclude,
    testTimeout,
    // A process for each file would load all modules again, which costs more than many of the tests. So a file leaves
    // things (the environment, listeners of the process, open ports) as it found them.
    isolate: false,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
  },
});

export default defineConfig({
  test: {
    pool: 'forks',
    // More than the two cores of a small machine: browser and process tests wait most of their time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Whatever is in no other project, so that no new folder is left out by accident.
      project('unit', {
        include: 'test/**/*.test.{ts,tsx}',
        exclude: [integration, browser],
        testTimeout: 120_000,
      }),
      project('integration', { include: integration, exclude: leftOut, testTimeout: 120_000 }),
      project('browser', { include: browser, testTimeout: 120_000 }),
    ],
  },
});
