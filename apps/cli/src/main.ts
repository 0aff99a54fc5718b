import { CommanderError } from "commander";
import { describeError, exitCodeOf } from "./errors.ts";
import { createProgram } from "./program.ts";

/**
 * Runs the `hidiff` command.
 *
 * @param argv the arguments after the command's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on("error", leaveQuietly);
  try {
    await createProgram().parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    // commander has told its own errors already
    if (!(error instanceof CommanderError)) process.stderr.write(`${describeError(error, process.env)}\n`);
    return exitCodeOf(error);
  }
}

/** Whoever reads the output, such as `head`, may have enough of it and close it. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(1);
}
