/**
 * Files of the configuration that hold a secret or a key and nothing else.
 */
import { readFileSync, statSync } from 'node:fs';

const READABLE_BY_OTHERS = 0o004;

/** Without the line break at its end; `undefined` where it cannot be read. */
export function readSecretFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A warning where every user of this machine can read it. */
export function secretFileWarning(path: string): string | undefined {
  const isOpen = process.platform !== 'win32' && (statSync(path).mode & READABLE_BY_OTHERS) !== 0;
  return isOpen ? `${path} can be read by every user of this machine: chmod 600 it` : undefined;
}
