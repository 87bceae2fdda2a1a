/** Tidy rules between sources and tests: which adapters and error codes no test has looked at. */

import { targetOf } from './layers.ts';
import { importsOf } from './syntax.ts';

/** Paths and texts of source and test files. */
export type Tree = ReadonlyMap<string, string>;

/**
 * Files of an adapter folder that speak to a port but that no contract suite runs. A suite is any
 * `test/contract/<subject>*` file; it reaches what it imports, and what that imports within the folder.
 */
export function adaptersWithoutContract(tree: Tree, folder: string, subject: string): string[] {
  const inFolder = (path: string) => path.startsWith(`server/src/${folder}/`);
  const importsFrom = (path: string) =>
    importsOf(path, tree.get(path) ?? '').map(({ specifier }) => targetOf(path, specifier) ?? specifier);

  const reached = new Set([...tree.keys()].filter((path) => path.startsWith(`test/contract/${subject}`)));
  // A set's iteration also visits what is added on the way.
  for (const path of reached) {
    for (const target of importsFrom(path)) if (inFolder(target)) reached.add(target);
  }
  const speaksToPort = (path: string) =>
    importsFrom(path).some((target) => target.startsWith('server/src/ports/'));
  return [...tree.keys()].filter((path) => inFolder(path) && speaksToPort(path) && !reached.has(path));
}

/** Names of the error table that no test names: in quotes anywhere, or as a bare word in a `hostile*.test.ts`. */
export function errorsWithoutTest(tree: Tree, names: readonly string[]): string[] {
  const tests = [...tree].filter(([path]) => path.startsWith('test/') && !path.startsWith('test/tidy'));
  const isNamed = (name: string) =>
    tests.some(
      ([path, text]) =>
        [`'${name}'`, `"${name}"`, `ERRORS.${name}.`].some((form) => text.includes(form)) ||
        (/\/hostile[\w.-]*\.test\.ts$/.test(path) && new RegExp(`\\b${name}\\b`).test(text)),
    );
  return names.filter((name) => !isNamed(name));
}
