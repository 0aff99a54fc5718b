import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "@hidiff/core-tensor/node";

/** A file that grows. What is written is complete but for the last part, which a killed process or a full disk may cut off. */
export class AppendedFile {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens a file to write at its end; makes it if it is not there. Throws HidiffError `file.write`. */
  static async open(path: string): Promise<AppendedFile> {
    return new AppendedFile(path, await open(path, "a").catch((error: unknown) => fail(path, error)));
  }

  /** Throws HidiffError `file.write`. */
  append(content: string | Uint8Array): Promise<void> {
    return this.#file.appendFile(content).catch((error: unknown) => fail(this.#path, error));
  }

  /** Returns when all of it is on the disk. Throws HidiffError `file.write`. */
  flush(): Promise<void> {
    return this.#file.datasync().catch((error: unknown) => fail(this.#path, error));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function fail(path: string, error: unknown): never {
  throw fileError("write", path, error);
}
