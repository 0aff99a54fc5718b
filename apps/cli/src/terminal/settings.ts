/** What holds for the whole process, for it runs one command. */
interface TerminalSettings {
  /** No progress and no notes: `--quiet`. */
  quiet: boolean;
  /** Whether what the command prints for people is what it was called for. If not, `--quiet` leaves that out, too. */
  answers: boolean;
}

export const terminalSettings: TerminalSettings = { quiet: false, answers: true };

/**
 * Whether a stream gets colours: a terminal does, unless NO_COLOR is set; with FORCE_COLOR every stream does.
 * (https://no-color.org, https://force-color.org)
 */
export function usesColours(stream: { readonly isTTY?: boolean }, environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  const { NO_COLOR: none = "", FORCE_COLOR: forced = "", TERM: terminal } = environment;
  if (none !== "" || ["0", "false"].includes(forced)) return false;
  return forced !== "" || (stream.isTTY === true && terminal !== "dumb");
}
