import { CommanderError } from "commander";
import { describeError, exitCodeOf } from "./errors.ts";
import { createProgram } from "./program.ts";
import { firstSteps } from "./terminal/help.ts";
import { emitFailure } from "./terminal/output.ts";

/**
 * Runs the `hidiff` command.
 *
 * @param argv the arguments after the command's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C
 */
export async function main(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners("error").includes(leaveQuietly)) process.stdout.on("error", leaveQuietly);
  const json = argv.includes("--json");
  if (json) keepLibrariesOffStandardOutput();
  if (argv.includes("--no-color")) process.env["NO_COLOR"] = "1"; // help is printed before options are known
  try {
    const program = createProgram();
    if (argv.length === 0) process.stdout.write(firstSteps(program));
    else await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    // commander has told its own errors already
    if (!(error instanceof CommanderError)) process.stderr.write(`${describeError(error, process.env)}\n`);
    if (json && code !== 0) emitFailure(error);
    return code;
  }
}

/** Whoever reads the output, such as `head`, may have enough of it and close it. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(1);
}

/** Results do not pass through the console; what does is some library's remark. */
function keepLibrariesOffStandardOutput(): void {
  for (const method of ["log", "info", "debug"] as const) console[method] = console.error;
}
