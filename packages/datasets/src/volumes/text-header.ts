import { dirname } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { resolveInside } from "../files/inside.ts";
import { readStart, sizeOf } from "./byte-stream.ts";

/** Headers of text are far smaller; what has no end within this is no header. */
const mostHeaderBytes = 1 << 20;

/** The error of a NRRD or MetaImage file. */
export function wrongVolume(path: string, text: string): HidiffError {
  return new HidiffError("datasets.volume", `readVolume: "${path}": ${text}`);
}

/**
 * Reads the lines of a header of text up to and including the one that `isLast` accepts.
 *
 * @returns the lines and the position of the byte behind them; without a last line, all lines of a short file
 */
export async function readHeaderLines(path: string, isLast: (line: string) => boolean): Promise<{ lines: string[]; end: number; complete: boolean }> {
  for (let count = 16384; ; count *= 8) {
    const start = await readStart(path, Math.min(count, mostHeaderBytes));
    const lines: string[] = [];
    let position = 0;
    for (let next = start.indexOf(10); next >= 0; next = start.indexOf(10, position)) {
      const line = start.toString("utf8", position, next).replace(/\r$/, "");
      position = next + 1;
      lines.push(line);
      if (isLast(line)) return { lines, end: position, complete: true };
    }
    if (start.length < count) {
      const rest = start.toString("utf8", position);
      if (rest === "") return { lines, end: position, complete: false };
      return { lines: [...lines, rest], end: start.length, complete: isLast(rest) };
    }
    if (count >= mostHeaderBytes) return { lines, end: position, complete: false };
  }
}

/** Finite numbers separated by spaces, or an error that names the field. */
export function numbers(path: string, field: string, text: string, count?: number): number[] {
  const values = text.trim().split(/[\s,]+/).map(Number);
  if (!values.every(Number.isFinite) || (count !== undefined && values.length !== count)) {
    throw wrongVolume(path, `"${field}: ${text}" is damaged; expected ${count === undefined ? "" : `${count} `}finite numbers.`);
  }
  return values;
}

/** The sizes of a grid, or an error that names the field. */
export function sizes(path: string, field: string, text: string, count: number): number[] {
  const values = numbers(path, field, text, count);
  if (!values.every((size) => Number.isSafeInteger(size) && size > 0 && size < 2 ** 31)) {
    throw wrongVolume(path, `"${field}: ${text}" is damaged; expected positive whole numbers.`);
  }
  return values;
}

/**
 * The file that a detached header names, beside it or in a folder below, and its size.
 *
 * @throws `datasets.path` for any other place, `file.read` where there is no such file; both name the header
 */
export async function dataFileOf(path: string, name: string): Promise<{ dataPath: string; fileBytes: number }> {
  try {
    const dataPath = resolveInside(dirname(path), name);
    return { dataPath, fileBytes: await sizeOf(dataPath) };
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    const reason =
      error.code === "datasets.path"
        ? "which is not within its own folder. Put the data file beside the header and write its bare name there."
        : `which cannot be used. ${error.message}`;
    throw new HidiffError(error.code, `readVolume: the header "${path}" names the data file ${JSON.stringify(name)}, ${reason}`, { cause: error });
  }
}
