/**
 * Pages of the durable log as they were read last, decoded: where a hub was started again, thousands of subscribers read on from about
 * the same place, each for itself, and what they read is the same. Bounded in pages and bytes; the page asked for longest ago goes first.
 */
import type { LogEntry } from '../ports/engine.ts';

/** Records of a page; offsets follow one another, so a page is known by its number. */
export const PAGE_RECORDS = 256;

const MAX_PAGES = 128;
const MAX_BYTES = 16 * 1024 * 1024;

interface Page {
  readonly entries: readonly LogEntry[];
  readonly bytes: number;
}

export class ReadPages {
  private readonly pages = new Map<number, Page>();
  private bytes = 0;

  get(number: number): readonly LogEntry[] | undefined {
    const page = this.pages.get(number);
    if (!page) return undefined;
    this.pages.delete(number);
    this.pages.set(number, page);
    return page.entries;
  }

  /** Takes a page that was read whole, and will not change. */
  put(number: number, entries: readonly LogEntry[]): void {
    const bytes = entries.reduce((sum, entry) => sum + (entry.kind === 'message' ? entry.bytes : 0), 0);
    if (bytes > MAX_BYTES) return;
    this.pages.set(number, { entries, bytes });
    this.bytes += bytes;
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MAX_PAGES && this.bytes <= MAX_BYTES) return;
      this.forget(oldest);
    }
  }

  /** A page of which something was trimmed is one no more. */
  forget(number: number): void {
    const page = this.pages.get(number);
    if (page && this.pages.delete(number)) this.bytes -= page.bytes;
  }
}

export const pageOf = (offset: number): number => Math.floor(offset / PAGE_RECORDS);
