/**
 * Files of one folder, for reading only: the demo pages.
 *
 * A path is taken word by word; empty words, those that begin with a dot or hold anything unusual lead nowhere, so
 * that nothing outside the folder can be named. Links that lead outside are not followed.
 */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

const WORD = /^[\w-][\w.-]*$/;

/** Reads `path` (relative, `/` between words; `index.html` where it ends in `/`) below `folder`. */
export async function staticFile(folder: string, path: string): Promise<Response | undefined> {
  const file = path === '' || path.endsWith('/') ? `${path}index.html` : path;
  const words = file.split('/');
  const type = TYPES[extname(file)];
  if (!type || !words.every((word) => WORD.test(word))) return undefined;
  try {
    const root = await realpath(folder);
    const target = await realpath(join(root, ...words));
    if (!target.startsWith(root + sep)) return undefined;
    return new Response(new Uint8Array(await readFile(target)), {
      headers: {
        'Content-Type': type,
        // Built files carry a hash in their name; pages do not.
        'Cache-Control': words.includes('assets') ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
    });
  } catch {
    return undefined;
  }
}

/** Names of the folders that hold a page, sorted. */
export async function pagesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((e) => e.isDirectory() && WORD.test(e.name)).map((e) => e.name);
    const found = await Promise.all(names.map((name) => staticFile(folder, `${name}/`)));
    return names.filter((_, index) => found[index] !== undefined).sort();
  } catch {
    return [];
  }
}
