import { stat } from "node:fs/promises";
import { basename, extname, isAbsolute, join, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { glob, isDynamicPattern } from "tinyglobby";

const extensions = ["png", "jpg", "jpeg", "tif", "tiff", "gif", "webp"];

/** An image file and the name that its results get. */
export interface PredictionInput {
  readonly path: string;
  /** The file's name without extension, with a number where several inputs share it. */
  readonly name: string;
}

/**
 * The image files that paths, folders (their own files) and patterns name, each once, in the order given.
 *
 * @throws HidiffError `cli.inputs` where one names nothing
 */
export async function findInputs(inputs: readonly string[]): Promise<PredictionInput[]> {
  const paths = new Map<string, string>();
  for (const input of inputs) {
    for (const path of await expand(input)) if (!paths.has(resolve(path))) paths.set(resolve(path), path);
  }
  return nameInputs([...paths.values()]);
}

async function expand(input: string): Promise<string[]> {
  const status = await stat(input).catch(() => undefined);
  if (status?.isFile() === true) return [input];
  if (status?.isDirectory() === true) {
    const found = await glob(`*.{${extensions.join(",")}}`, { cwd: input, caseSensitiveMatch: false });
    if (found.length === 0) throw new HidiffError("cli.inputs", `The folder ${input} has no image; images end in ${extensions.join(", ")}.`);
    return found.sort().map((name) => join(input, name));
  }
  if (isDynamicPattern(input)) {
    const found = await glob(input.replaceAll("\\", "/"), { expandDirectories: false, absolute: isAbsolute(input) });
    if (found.length === 0) throw new HidiffError("cli.inputs", `No file matches ${input}.`);
    return found.sort();
  }
  throw new HidiffError("cli.inputs", `There is no file or folder ${input}.`);
}

/** Gives each path a name of its own. */
export function nameInputs(paths: readonly string[]): PredictionInput[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const base = basename(path, extname(path));
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
    taken.add(name);
    return { path, name };
  });
}
