import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../../..");

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** Variables besides the process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Closes standard output before anything is written to it. */
  readonly unread?: boolean;
  /** Called with all of standard output so far. */
  readonly onOutput?: (stdout: string, interrupt: () => void) => void;
  /** Kills the process (SIGKILL) so many milliseconds after it first wrote to standard error. */
  readonly killAfter?: number;
  /** The same for standard error. */
  readonly onProgress?: (stderr: string, interrupt: () => void) => void;
}

/** Runs the command from its sources, on the embedded backend. */
export function hidiff(arguments_: readonly string[], { environment = {}, unread = false, onOutput, onProgress, killAfter }: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=@hidiff/source", "--import", "tsx", "apps/cli/bin/hidiff.js", ...arguments_], {
      cwd: repository,
      env: { ...process.env, HIDIFF_BACKEND: "wasm", NO_COLOR: "1", DEBUG: "", ...environment },
    });
    if (unread) child.stdout.destroy();
    let [stdout, stderr] = ["", ""];
    const interrupt = (): void => void child.kill("SIGINT");
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      onOutput?.(stdout, interrupt);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      onProgress?.(stderr, interrupt);
    });
    let timer: NodeJS.Timeout | undefined;
    if (killAfter !== undefined) child.stderr.once("data", () => (timer = setTimeout(() => child.kill("SIGKILL"), killAfter)));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

/** The last line of standard error. */
export function lastLine({ stderr }: Outcome): string {
  return stderr.trim().split("\n").at(-1) ?? "";
}
