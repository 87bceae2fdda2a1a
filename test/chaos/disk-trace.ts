/**
 * What a program did to one file, and said on stdout, in order, read from the output of strace: the writes with all
 * their bytes, and where each sync began and ended.
 */
import { readFileSync } from 'node:fs';

export type DiskEvent =
  /** `synced`: by itself, as the file was opened with O_DSYNC. */
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer; readonly synced: boolean }
  /** A write or a sync has returned; `of` is the place of its beginning in the list of events. */
  | { readonly kind: 'returned'; readonly of: number }
  | { readonly kind: 'sync' }
  | { readonly kind: 'said'; readonly text: string };

/** Options with which strace writes what `readTrace` reads. */
export const TRACE_OPTIONS = (output: string): string[] => [
  ...['-xx', '-s', '100000000', '-o', output],
  ...[
    '-e',
    'trace=openat,close,lseek,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,ftruncate,fallocate,msync',
  ],
];

/** @throws where the file was changed in a way that is not known here, as then nothing could be told from the trace */
export function readTrace(output: string, path: string): DiskEvent[] {
  const events: DiskEvent[] = [];
  const hexPath = hexOf(path);
  const descriptors = new Map<number, { readonly synced: boolean; position: number }>();
  /** Where the call under way of a thread begins in the list; of calls that are no event, their text. */
  const underWay = new Map<string, { readonly text: string; readonly event: number | undefined }>();

  const begin = (text: string): number | undefined => {
    const [, name, first, rest] = /^(\w+)\(([^,)]*)(.*)$/s.exec(text) ?? [];
    if (name === undefined) return undefined;
    if (name === 'write' && first === '1') {
      events.push({ kind: 'said', text: bytesOf(rest!)[0]!.toString().trim() });
      return undefined;
    }
    const file = descriptors.get(Number(first));
    if (!file) return undefined;
    const number = (pattern: RegExp) => Number(pattern.exec(rest!)![1]);
    switch (name) {
      case 'pwrite64':
      case 'pwritev':
        events.push({
          kind: 'write',
          offset: number(/, (\d+)(?:\) = .*)?$/),
          data: Buffer.concat(bytesOf(rest!)),
          synced: file.synced,
        });
        return events.length - 1;
      case 'write':
      case 'writev': {
        const data = Buffer.concat(bytesOf(rest!));
        events.push({ kind: 'write', offset: file.position, data, synced: file.synced });
        file.position += data.length;
        return events.length - 1;
      }
      case 'fsync':
      case 'fdatasync':
        events.push({ kind: 'sync' });
        return events.length - 1;
      case 'lseek':
      case 'close':
        return undefined;
      default:
        throw new Error(`the store was changed by ${name}, of which this trace knows nothing`);
    }
  };
  const end = (text: string, result: number, event: number | undefined) => {
    if (event !== undefined) events.push({ kind: 'returned', of: event });
    const call = /^(\w+)\((\d*)/.exec(text);
    if (call?.[1] === 'openat' && result >= 0 && text.includes(`"${hexPath}"`))
      descriptors.set(result, { synced: /O_D?SYNC/.test(text), position: 0 });
    if (call?.[1] === 'close') descriptors.delete(Number(call[2]));
    const file = descriptors.get(Number(call?.[2]));
    if (call?.[1] === 'lseek' && file && !text.includes('SEEK_END')) file.position = result;
  };

  for (const line of readFileSync(output, 'latin1').split('\n')) {
    const [, thread, text] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    if (thread === undefined || text === undefined || /^(\+\+\+|---)/.test(text)) continue;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(text);
    if (resumed) {
      const call = underWay.get(thread);
      underWay.delete(thread);
      if (call) end(call.text, resultOf(text), call.event);
    } else if (text.endsWith(' <unfinished ...>')) {
      const begun = text.slice(0, -' <unfinished ...>'.length);
      underWay.set(thread, { text: begun, event: begin(begun) });
    } else {
      end(text, resultOf(text), begin(text));
    }
  }
  return events;
}

const resultOf = (text: string): number => Number(/ = (-?\d+)(?: [^=]*)?$/.exec(text)?.[1] ?? Number.NaN);

const hexOf = (text: string): string => Buffer.from(text).toString('hex').replace(/../g, '\\x$&');

/** The strings of a call, in its order. */
const bytesOf = (text: string): Buffer[] =>
  [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) =>
    Buffer.from(hex!.replaceAll('\\x', ''), 'hex'),
  );
