/**
 * Checks a store's file in a child process before this one opens it: a damaged file can kill the process that has it
 * mapped. The child walks all pages without LMDB (page-walk.ts), then has LMDB open the file and read its ends.
 *
 * The child runs the program below by `node --eval`, so that it works alike from a bundle, from sources and inside
 * another program.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type PageReport, walkPages } from './page-walk.ts';

const PROGRAM = `
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
const walkPages = ${walkPages};
const [path, lmdb] = process.argv.slice(1);
const file = openSync(path, 'r');
const readAt = (into, offset) => readSync(file, into, 0, into.length, offset);
const report = walkPages(readAt, fstatSync(file).size);
closeSync(file);
if (report.kind === 'sound') {
  const { open } = await import(lmdb);
  const options = { noSubdir: true, readOnly: true, encoding: 'binary', keyEncoding: 'binary', maxDbs: 1 };
  const db = open({ path, overlappingSync: false, mapSize: 2 ** 37, ...options });
  for (const reverse of [false, true]) {
    const ends = reverse ? { start: new Uint8Array(8).fill(255), end: Uint8Array.of(0) } : {};
    for (const { key, value } of db.getRange({ limit: 3, reverse, ...ends })) db.getBinary(key).equals(value);
  }
  await db.close();
}
process.stdout.write(JSON.stringify(report));
`;

/** What is found, which is never that the file is sound where the child did not end well. */
export async function checkStore(path: string): Promise<PageReport> {
  const lmdb = pathToFileURL(createRequire(import.meta.url).resolve('lmdb')).href;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, '--', path, lmdb], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let trouble = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // The end says what it was.
    trouble = (trouble + text).slice(-4_000);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) =>
    child.on('error', reject).on('close', (...end) => resolve(end)),
  );
  if (code === 0) return JSON.parse(output) as PageReport;
  const how = signal
    ? `was killed by ${signal}`
    : (/^\w*Error.*$/m.exec(trouble)?.[0] ?? `exited with ${code}`);
  return { kind: 'damaged', fault: `reading it in a process of its own failed: ${how}` };
}
