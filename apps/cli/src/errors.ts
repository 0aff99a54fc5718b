import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { CommanderError } from "commander";

/** What the command's exit code says. */
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** The code of the error that says that a training was stopped by its user. */
export const stopped = "cli.stopped";

/** An error of the caller's making: exit code 2. */
export function usageError(message: string): HidiffError {
  return new HidiffError("usage.option", message);
}

/** Errors in what the user typed or configured. */
const usageCodes: readonly RegExp[] = [/^(usage|config)\./, /\.(unknown|option)$/];

/** 2 for wrong usage (options, configuration, unknown names), 0 for `--help` and `--version`, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (isHidiffError(error) && usageCodes.some((pattern) => pattern.test(error.code))) return exitCodes.usage;
  return exitCodes.failed;
}

/** One line for an expected error. With `DEBUG=hidiff` the stack follows, as it does for no error otherwise. */
export function describeError(error: unknown, environment: Readonly<Record<string, string | undefined>>): string {
  const message = error instanceof Error ? error.message : String(error);
  const kind = isHidiffError(error) ? (error.code === stopped ? "stopped" : "error") : "unexpected error";
  const line = `${kind}: ${message.replaceAll(/\s*\n\s*/g, " ")}`;
  if (environment["DEBUG"] === "hidiff" && error instanceof Error) return `${line}\n${withCauses(error)}`;
  return isHidiffError(error) ? line : `${line} (DEBUG=hidiff shows where it happened)`;
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack;
}
