import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "@hidiff/core-tensor/node";
import { AppendedFile } from "../appended-file-node.ts";
import { startEvent, summaryEvent, versionEvent } from "./event.ts";
import { encodeRecord } from "./record.ts";

/** A file of events in a folder that TensorBoard reads. */
export class EventFile {
  readonly #file: AppendedFile;

  private constructor(file: AppendedFile) {
    this.#file = file;
  }

  /**
   * Begins a new file; what earlier ones hold of steps after `step` is void from now on.
   *
   * @throws HidiffError `file.write`
   */
  static async begin(folder: string, step: number): Promise<EventFile> {
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw fileError("write", folder, error);
    });
    // TensorBoard reads the files of a folder in the order of their names.
    const time = now();
    const number = (await readdir(folder)).length;
    const name = `events.out.tfevents.${String(Math.floor(time)).padStart(10, "0")}.${String(number).padStart(5, "0")}.hidiff`;
    const file = new EventFile(await AppendedFile.open(join(folder, name)));
    await file.#write(versionEvent(time));
    await file.#write(startEvent(time, step + 1));
    return file;
  }

  /** Throws HidiffError `file.write`. */
  append(step: number, values: Parameters<typeof summaryEvent>[2]): Promise<void> {
    return this.#write(summaryEvent(now(), step, values));
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #write(event: Uint8Array): Promise<void> {
    return this.#file.append(encodeRecord(event));
  }
}

function now(): number {
  return Date.now() / 1000;
}
