/** The end of a command's file: prints its help, or runs it to its end and says why it failed. */
export async function runCommand(help: string | undefined, main: () => Promise<void>): Promise<void> {
  if (help !== undefined) return console.log(help);
  await main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
  // Sockets of what was cut or halted may still be open.
  process.exit();
}
