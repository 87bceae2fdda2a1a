/**
 * What the tidy checks read from a source file's syntax tree: its imports, and the impure things it touches.
 * A tree, not text: words in comments, strings and property names are no findings, and nothing hides in them.
 */

import { parseSync } from 'vite';

export interface Import {
  readonly specifier: string;
  /** Erased by the compiler: `import type`, or `import('x').T` in a type. */
  readonly typeOnly: boolean;
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every static import, re-export, dynamic import and type import of a file. */
export function importsOf(path: string, text: string): Import[] {
  const imports: Import[] = [];
  for (const node of nodes(parse(path, text))) {
    if (!importing.has(node.type) || !isNode(node.source)) continue;
    const kind = node.importKind ?? node.exportKind;
    const typeOnly = kind === 'type' || node.type === 'TSImportType';
    imports.push({ specifier: textOf(node.source) ?? '<computed>', typeOnly });
  }
  return imports;
}

const importing = new Set([
  'ImportDeclaration',
  'ExportAllDeclaration',
  'ExportNamedDeclaration',
  'ImportExpression',
  'TSImportType',
]);

/** What pure code must not touch (STYLE: time is an argument, results are values), each finding once. */
export function impuritiesOf(path: string, text: string): string[] {
  const found = new Set<string>();
  for (const node of nodes(parse(path, text))) {
    const impurity = impurityOf(node);
    if (impurity) found.add(impurity);
  }
  return [...found];
}

function impurityOf(node: Node): string | undefined {
  switch (node.type) {
    case 'Identifier':
      return impureGlobals.has(String(node.name)) ? String(node.name) : undefined;
    case 'MemberExpression':
      return impureMembers.find((member) => member === memberName(node));
    case 'NewExpression':
    case 'CallExpression': {
      const readsClock = nameOf(node.callee) === 'Date' && isEmpty(node.arguments);
      return readsClock ? 'Date()' : undefined;
    }
    case 'AwaitExpression':
      return 'await';
    case 'ForOfStatement':
      return node.await === true ? 'await' : undefined;
    case 'ImportExpression':
      return 'import()';
    default:
      return node.async === true ? 'async' : undefined;
  }
}

/**
 * Objects that a file fills under computed names: where a peer chooses the name, `__proto__` and `constructor` are names, too.
 * Maps, and objects without a prototype, are none.
 */
export function objectsUsedAsMaps(path: string, text: string): string[] {
  const all = [...nodes(parse(path, text))];
  const empty = new Set(
    all.flatMap(({ type, id, key, init, value }) => {
      const made = type === 'VariableDeclarator' ? init : type === 'PropertyDefinition' ? value : undefined;
      const name = type === 'VariableDeclarator' ? nameOf(id) : nameOf(key);
      return name !== undefined && isNode(made) && isEmptyObject(made) ? [name] : [];
    }),
  );
  return all.flatMap(({ type, left }) => {
    if (type !== 'AssignmentExpression' || !isNode(left)) return [];
    if (left.type !== 'MemberExpression' || left.computed !== true || !isNode(left.property)) return [];
    if (left.property.type === 'Literal' || !isNode(left.object)) return [];
    const { object } = left;
    const name = object.type === 'MemberExpression' ? nameOf(object.property) : nameOf(object);
    return name !== undefined && empty.has(name) ? [name] : [];
  });
}

const isEmptyObject = (node: Node): boolean =>
  node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression'
    ? isNode(node.expression) && isEmptyObject(node.expression)
    : node.type === 'ObjectExpression' && isEmpty(node.properties);

const impureMembers = ['Date.now', 'Math.random'];

const impureGlobals = new Set([
  'Promise',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'requestAnimationFrame',
  'performance',
  'crypto',
  'fetch',
  'WebSocket',
  'process',
  'console',
  'Buffer',
  'require',
  // The way round this list.
  'globalThis',
  'window',
  'self',
]);

function parse(path: string, text: string): unknown {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  return program;
}

/** All nodes below, except names that refer to nothing: of members (`x.name`), of properties, of methods. */
function* nodes(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodes(item);
  } else if (isNode(value)) {
    yield value;
    for (const [field, child] of Object.entries(value)) {
      const isMereName = value.computed !== true && (field === 'property' || field === 'key');
      if (!isMereName) yield* nodes(child);
    }
  }
}

/** The text of a string literal, also under a cast: `import('ws' as string)`. */
function textOf(node: Node): string | undefined {
  if (node.type === 'TSAsExpression' && isNode(node.expression)) return textOf(node.expression);
  return typeof node.value === 'string' ? node.value : undefined;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;

const nameOf = (value: unknown) =>
  isNode(value) && value.type === 'Identifier' ? String(value.name) : undefined;

/** `Date.now` for both `Date.now` and `Date['now']`. */
function memberName({ object, property }: Node): string {
  const name = isNode(property) ? (property.name ?? property.value) : undefined;
  return `${nameOf(object)}.${String(name)}`;
}
