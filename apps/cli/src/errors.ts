import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { CommanderError } from "commander";

/** What the command's exit code says. */
const exitCodes = { done: 0, failed: 1, usage: 2, stopped: 130 } as const;

/** The code of the error that says that a command was stopped by Ctrl-C. */
export const stopped = "cli.stopped";

/** An error of the caller's making: exit code 2. */
export function usageError(message: string): HidiffError {
  return new HidiffError("usage.option", message);
}

/** Errors in what the user typed or configured. */
const usageCodes: readonly RegExp[] = [/^(usage|config)\./, /\.(unknown|option)$/];

/**
 * 2 for wrong usage (options, configuration, unknown names), 0 for `--help` and `--version`, 130 after Ctrl-C as shells tell
 * it of a process that a SIGINT ended, 1 for everything else.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (isHidiffError(error) && usageCodes.some((pattern) => pattern.test(error.code))) return exitCodes.usage;
  return isHidiffError(error) && error.code === stopped ? exitCodes.stopped : exitCodes.failed;
}

/** One line for an expected error, several for those of a configuration. With `DEBUG=hidiff` the stack follows, as it does for no error otherwise. */
export function describeError(error: unknown, environment: Readonly<Record<string, string | undefined>>): string {
  const message = error instanceof Error ? error.message : String(error);
  const kind = isHidiffError(error) ? (error.code === stopped ? "stopped" : "error") : "unexpected error";
  // A configuration has a line for everything that is wrong with it.
  const text = isHidiffError(error) && error.code.startsWith("config.") ? message : message.replaceAll(/\s*\n\s*/g, " ");
  const line = `${kind}: ${text}`;
  if (environment["DEBUG"] === "hidiff" && error instanceof Error) return `${line}\n${withCauses(error)}`;
  return isHidiffError(error) ? line : `${line} (This is a bug in hidiff; please report it, with what DEBUG=hidiff makes this command print.)`;
}

/** A text without its line breaks. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack;
}
