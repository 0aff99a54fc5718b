import { isHidiffError } from "@hidiff/core-tensor/errors";
import { CommanderError } from "commander";
import picocolors from "picocolors";
import { oneLine, stopped } from "../errors.ts";
import { terminalSettings, usesColours } from "./settings.ts";

let lastEmitted: object | undefined;

/** Where a command tells things: results on standard output, everything else on standard error. */
export class Output {
  readonly json: boolean;
  /** Colours of standard output; none where it is no terminal, or NO_COLOR or `--no-color` forbids them. */
  readonly colours: ReturnType<typeof picocolors.createColors>;

  constructor({ json = false }: { readonly json?: boolean | undefined } = {}) {
    this.json = json;
    this.colours = picocolors.createColors(!json && usesColours(process.stdout));
  }

  /** A line of the result for people. */
  print(text: string = ""): void {
    if (this.json || (terminalSettings.quiet && !terminalSettings.answers)) return;
    process.stdout.write(`${text}\n`);
  }

  /** The result, or with JSON lines a part of it, for machines. Parts have the property `event`. */
  emit(value: object): void {
    if (this.json) emit(value);
  }

  /** A line that is no part of the result. */
  note(text: string): void {
    if (!terminalSettings.quiet) process.stderr.write(`${text}\n`);
  }
}

/**
 * Tells a machine that reads JSON why there is no result: `{"event":"error","code":…,"message":…}`, or `"stopped"` after
 * Ctrl-C. After a whole result, such as the findings of `dataset check`, nothing is added to it.
 */
export function emitFailure(error: unknown): void {
  const last = lastEmitted as { readonly event?: unknown } | undefined;
  if (last !== undefined && (last.event === undefined || last.event === "stopped")) return;
  const message = oneLine(error instanceof Error ? error.message : String(error));
  if (error instanceof CommanderError) {
    emit({ event: "error", code: error.code.replace("commander.", "usage."), message: message.replace(/^error: /, "") });
  } else {
    const code = isHidiffError(error) ? error.code : "unexpected";
    emit({ event: code === stopped ? "stopped" : "error", code, message });
  }
}

function emit(value: object): void {
  lastEmitted = value;
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
