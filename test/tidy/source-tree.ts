/** The repository's files, as the tidy checks see them: paths with `/`, relative to the root. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const skipped = new Set(['node_modules', 'dist', '.git', 'coverage']);

export function listFiles(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (skipped.has(entry.name)) return [];
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8');

export const isTest = (path: string) => path.startsWith('test/');
export const isScript = (path: string) => /\.(ts|tsx|mts|mjs|js)$/.test(path);
