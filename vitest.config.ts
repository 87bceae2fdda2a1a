import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/file-order.ts';

/**
 * All tests are of one project, whatever they need (nothing, sockets and processes, a Chromium whose path is in CHROMIUM_PATH,
 * set by `scripts/test.mjs`): vitest keeps a process, with all that it has loaded, only for a next file of the same project.
 * What to run is told by folders: `npx vitest run test/core`.
 */

// Workspace imports resolve to `src/`, so no test needs a build except those that test the build.
const conditions = ['source', ...defaultServerConditions];

/** Set by `scripts/test.mjs`, which says so, for tests of what is not installed; else they run, and fail. */
const leftOut = process.env.RINGHUB_TESTS_LEFT_OUT?.split(',') ?? [];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: leftOut,
    pool: 'forks',
    // More than the two cores of a small machine: browser and process tests wait most of their time.
    maxWorkers: 5,
    // A process for each file would load all modules again, which costs more than many of the tests. So a file leaves
    // things (the environment, listeners of the process, open ports) as it found them.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // Deadlines say that something hangs, not that it is slow: a loaded machine must not fail a test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
