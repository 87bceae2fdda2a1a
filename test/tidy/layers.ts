/**
 * The layers of the code and who may import whom (ARCHITECTURE: protocol ◄ core ◄ hub, gateway ◄ main; ports ◄ adapters).
 * A source file that belongs to no layer is a fault, too: new folders get their place here first.
 */

import { posix } from 'node:path';
import { readText } from './source-tree.ts';
import { importsOf } from './syntax.ts';

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** Layers it may import besides itself; `*` is every layer. */
  readonly imports: readonly string[];
  /** Layers of which it may import types only. */
  readonly types?: readonly string[];
  /** Whether it may import packages and `node:` modules. */
  readonly libraries: 'none' | 'packages' | 'all';
  /** Planned: may still be empty. */
  readonly later?: true;
}

const adapter = (folder: string, extra: Partial<Layer> = {}): Layer => ({
  name: folder,
  files: new RegExp(`^server/src/${folder}/`),
  imports: ['ports', 'protocol'],
  libraries: 'all',
  ...extra,
});

/** The first layer whose pattern fits a file is the file's. */
export const layers: readonly Layer[] = [
  { name: 'tools', files: /^(scripts|bench|deploy)\/|\.config\.ts$/, imports: ['*'], libraries: 'all' },
  { name: 'protocol', files: /^protocol\/(src\/|pure-globals\.d\.ts$)/, imports: [], libraries: 'none' },
  // Rings hold the engine's records: docs/decisions/0008.
  { name: 'core', files: /^server\/src\/core\//, imports: ['protocol'], types: ['ports'], libraries: 'none' },
  { name: 'ports', files: /^server\/src\/ports\//, imports: ['protocol'], libraries: 'none' },
  adapter('transports'),
  // An engine may be built from the pure data structures of core, such as its log.
  adapter('engines', { imports: ['ports', 'protocol', 'core'] }),
  adapter('stores'),
  // What rules permit is decided in core.
  adapter('auth', { imports: ['ports', 'protocol', 'core'] }),
  adapter('http', { types: ['shell'] }),
  adapter('ops', { types: ['shell'] }),
  adapter('interop', { later: true }),
  adapter('bridges', { later: true }),
  { name: 'platform', files: /^server\/src\/node-[\w-]+\.ts$/, imports: ['ports'], libraries: 'all' },
  {
    name: 'main',
    files: /^server\/src\/((main|index|start-hub|hub-data|carrier|version)\.ts$|cli\/)/,
    imports: ['*'],
    libraries: 'all',
  },
  {
    name: 'config',
    files: /^server\/src\/config\//,
    imports: ['protocol', 'ports', 'core'],
    libraries: 'all',
  },
  {
    name: 'shell',
    files: /^server\/src\/([\w-]+\.ts$|hub\/|gateway\/)/,
    imports: ['core', 'ports', 'protocol'],
    libraries: 'none',
  },
  // Node before 22 has no WebSocket: this entry borrows the one of `ws`.
  { name: 'sdk-node', files: /^client-sdk\/src\/node\.ts$/, imports: ['client-sdk'], libraries: 'packages' },
  { name: 'client-sdk', files: /^client-sdk\/src\//, imports: ['protocol'], libraries: 'none' },
  { name: 'demo-shared', files: /^demo\/shared\//, imports: ['client-sdk'], libraries: 'packages' },
  { name: 'demo-node', files: /^demo\/src\//, imports: ['client-sdk', 'demo-shared'], libraries: 'all' },
  { name: 'demo', files: /^demo\//, imports: ['client-sdk', 'demo-shared'], libraries: 'packages' },
  // Programs as a user writes them.
  { name: 'examples', files: /^examples\//, imports: ['client-sdk', 'sdk-node'], libraries: 'all' },
];

/** The source file behind each name that a workspace exports: `@ringhub/client` -> `client-sdk/src/index.ts`. */
const workspaceExports = new Map(
  ['protocol', 'client-sdk', 'server', 'demo'].flatMap((folder) => {
    const { name, exports = {} } = JSON.parse(readText(`${folder}/package.json`)) as Manifest;
    return Object.entries(exports).map(([subpath, { source }]): [string, string] => [
      posix.join(name, subpath),
      posix.join(folder, source),
    ]);
  }),
);

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly source: string }>>;
}

export const layerOf = (path: string): Layer | undefined => layers.find(({ files }) => files.test(path));

/** Where a specifier leads inside the repository, or `undefined` for a package or a `node:` module. */
export function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier);
  if (specifier.startsWith('@ringhub/')) return workspaceExports.get(specifier) ?? specifier;
  return undefined;
}

/** One line for each import of the file that breaks the rules. */
export function importFaults(path: string, text: string): string[] {
  const layer = layerOf(path);
  if (!layer) return [`${path} belongs to no layer: give its folder a place in test/tidy/layers.ts`];
  return importsOf(path, text).flatMap(({ specifier, typeOnly }) => {
    const fault = faultOf(layer, path, specifier, typeOnly);
    return fault ? [`${path} (${layer.name}) imports ${specifier}: ${fault}`] : [];
  });
}

function faultOf(layer: Layer, path: string, specifier: string, typeOnly: boolean): string | undefined {
  const target = targetOf(path, specifier);
  if (target === undefined) return libraryFault(layer, specifier);

  const workspace = (file: string) => file.slice(0, file.indexOf('/'));
  const reachesOver = specifier.startsWith('.') && workspace(target) !== workspace(path);
  if (reachesOver && layer.name !== 'tools') return 'use the package name';

  const to = layerOf(target);
  if (!to) return 'it leads outside every layer';
  if (to === layer || layer.imports.includes('*') || layer.imports.includes(to.name)) return undefined;
  if (!layer.types?.includes(to.name)) return `${layer.name} must not import ${to.name}`;
  return typeOnly ? undefined : `${layer.name} may import only types from ${to.name}`;
}

function libraryFault(layer: Layer, specifier: string): string | undefined {
  if (layer.libraries === 'none') return `${layer.name} uses no libraries`;
  if (layer.libraries === 'packages' && specifier.startsWith('node:'))
    return `${layer.name} runs in browsers`;
  return undefined;
}
