/** Runs a command, prints errors as one line and sets the exit status. */

/** 0: every event was sent. 1: some were not. 2: the command could not start. */
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
