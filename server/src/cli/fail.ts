/** The end of a command that cannot do what was asked. */
export function fail(exitCode: number, ...lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`ringhub: ${line}\n`);
  process.exit(exitCode);
}
