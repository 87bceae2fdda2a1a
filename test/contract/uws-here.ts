/**
 * uWebSockets.js for tests. It has to load, but on a Node that the build in the lock has nothing for: what is left
 * out there is skipped by a name that says so.
 */
import { describe, it } from 'vitest';
import { installedUws, type LoadedUws, loadUws } from '../../server/src/transports/uws-library.ts';

const NEWEST_NODE = 20;

function find(): LoadedUws | string {
  const [nearest] = installedUws();
  if (!nearest) return 'uWebSockets.js is not installed: run npm ci without omitting optional packages';
  const finding = loadUws(nearest);
  return finding.kind === 'loaded' ? finding.uws : finding.why;
}

const found = find();
const isFree = Number(process.versions.node.split('.', 1)[0]) > NEWEST_NODE;

export const uwsHere: LoadedUws | undefined = typeof found === 'string' ? undefined : found;

/** Transports that server tests run on. */
export const transportsHere: readonly ('ws' | 'uws')[] = uwsHere ? ['ws', 'uws'] : ['ws'];

/** Describes what needs uWebSockets.js; where it does not load, one test stands for all of it. */
export function describeUws(name: string, define: (uws: LoadedUws) => void): void {
  if (uwsHere) {
    define(uwsHere);
    return;
  }
  describe(`${name} (left out: ${found})`, () => {
    it.skipIf(isFree)('needs uWebSockets.js to load', () => {
      throw new Error(String(found));
    });
  });
}
