/** The edge of every command: errors become one line, and the exit status tells scripts how it went. */

/** Everything was sent; something was not; the command was not understood or could not begin. */
export type ExitStatus = 0 | 1 | 2;

/** Runs a command with the arguments of this process. */
export async function run(command: (args: string[]) => Promise<ExitStatus>): Promise<void> {
  try {
    process.exitCode = await command(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
