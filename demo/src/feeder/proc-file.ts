/**
 * Reads small /proc files again and again without opening them again: the kernel writes the text anew for every
 * read at offset 0. Synchronous on purpose: these files are memory, and a thread-pool round trip costs more CPU
 * than the read.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

/** More than the interesting part of any file read here; what is longer is cut. */
const BUFFER_BYTES = 64 * 1024;
const shared = Buffer.allocUnsafe(BUFFER_BYTES);

export class ProcFile {
  #fd: number | undefined;

  constructor(path: string) {
    try {
      this.#fd = openSync(path, 'r');
    } catch {
      // Hidden from this container: reads as empty.
    }
  }

  /** The text, at most `maxBytes` of it; empty where the file cannot be read. */
  read(maxBytes = BUFFER_BYTES): string {
    if (this.#fd === undefined) return '';
    const limit = Math.min(maxBytes, BUFFER_BYTES);
    let length = 0;
    try {
      // A read of /proc may stop at a page's end.
      for (;;) {
        const got = readSync(this.#fd, shared, length, limit - length, length);
        length += got;
        if (got === 0 || length === limit) break;
      }
    } catch {
      return '';
    }
    return shared.toString('latin1', 0, length);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Ids of the processes there are. */
export function listPids(): string[] {
  try {
    return readdirSync('/proc').filter((name) => name.charCodeAt(0) >= 49 && name.charCodeAt(0) <= 57);
  } catch {
    return [];
  }
}

/** `undefined` where the process has ended or is hidden. */
export function readProcessStat(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
}
