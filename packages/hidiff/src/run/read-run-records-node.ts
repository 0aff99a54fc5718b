import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import { runFiles } from "./run-files.ts";
import type { RunRecord } from "./run-records.ts";

/**
 * What a run folder's `metrics.jsonl` says. A last line that is cut off, as a killed process or a full disk leaves it, is
 * left out.
 *
 * @throws HidiffError `file.read` if there is none, `run.records` if another line is damaged
 */
export async function readRunRecords(folder: string): Promise<RunRecord[]> {
  const path = join(folder, runFiles.metrics);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  const lines = text.split("\n").slice(0, -1); // what follows the last line feed is nothing or cut off
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as RunRecord;
    } catch (error) {
      throw new HidiffError("run.records", `${path}, line ${index + 1} is not JSON; restore the file, or delete that line.`, { cause: error });
    }
  });
}
