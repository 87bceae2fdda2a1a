/** Tidy rules that need a path or plain text, not syntax. Each returns its findings, empty when all is well. */

import { posix } from 'node:path';

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
/** Names that say nothing about what a file holds. */
const vague = /^(types|((.+-)?(utils?|helpers?|manager)))$/;

export function nameFault(path: string): string | undefined {
  const name = posix.basename(path);
  if (!kebabCase.test(name)) return `${path} is not in kebab-case`;
  const parts = path.split('/').map((part) => part.replace(/\..*$/, ''));
  return parts.some((part) => vague.test(part)) ? `${path} is named for no noun` : undefined;
}

/** Targets of the relative links of a Markdown page, as paths in the repository. */
export function relativeLinks(path: string, text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)/g), ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)]
    .map((match) => decodeURI(match[1] ?? '').replace(/[#?].*$/, ''))
    .filter((target) => target !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(target));
  return targets.map((target) =>
    target.startsWith('/') ? target.slice(1) : posix.join(posix.dirname(path), target),
  );
}

/** Hosts of package registries and absolute paths of somebody's machine. The classes keep this file from finding itself. */
const machineTraces = [
  /registry[.][\w-]+[.](org|com|io)/,
  /[/]{2}(deb|security|archive)[.](debian|ubuntu)[.](org|com)/,
  /(?<![\w.~-])[/](home|Users|root|work)[/][\w.-]+/,
  /[A-Z]:\\Users\\/,
];

export function machineTrace(text: string): string | undefined {
  for (const pattern of machineTraces) {
    const match = pattern.exec(text);
    if (match) return match[0];
  }
  return undefined;
}
