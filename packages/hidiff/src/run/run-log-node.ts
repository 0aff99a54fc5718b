import { join } from "node:path";
import { AppendedFile } from "./appended-file-node.ts";
import { runFiles } from "./run-files.ts";

/** `log.txt`: what happened in a run folder, line by line, with the time. Every start adds to it. */
export class RunLog {
  readonly #file: AppendedFile;

  private constructor(file: AppendedFile) {
    this.#file = file;
  }

  /** Throws HidiffError `file.write`. */
  static async open(folder: string): Promise<RunLog> {
    return new RunLog(await AppendedFile.open(join(folder, runFiles.log)));
  }

  /** Throws HidiffError `file.write`. */
  write(text: string): Promise<void> {
    return this.#file.append(`${new Date().toISOString()} ${text.replaceAll(/\s*\n\s*/g, " ")}\n`);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
