import { HidiffError } from "@hidiff/core-tensor/errors";
import { readWholeFile, statFile } from "./read-file.ts";

/** The largest list that makes sense: a million lines of 64 bytes. Larger files are something else. */
const limitBytes = 2 ** 26;

/**
 * Reads a text file that lists one name a line, as splits are published: UTF-8 (a byte order mark and Windows' line ends do
 * not matter). Lines are trimmed; empty ones and those that begin with `#` do not count.
 *
 * @returns the names in the file's order
 * @throws `file.read` where it cannot be read, `datasets.list` for a file that is no UTF-8 text and for a name that comes twice
 */
export async function readListFile(path: string): Promise<string[]> {
  const fail = (what: string): never => {
    throw new HidiffError("datasets.list", `readListFile: "${path}" ${what}. Expected a UTF-8 text of one name a line, each once.`);
  };
  const { size } = await statFile(path);
  if (size > limitBytes) fail(`has ${size} bytes, which is too long for a list`);
  const bytes = await readWholeFile(path);
  if (bytes.includes(0)) fail("contains zero bytes: it is binary, or a text in UTF-16");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("is not valid UTF-8");
  }
  const lines = new Map<string, number>();
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const name = line.trim();
    if (name === "" || name.startsWith("#")) continue;
    const first = lines.get(name);
    if (first !== undefined) fail(`names "${name}" in line ${first} and again in line ${index + 1}`);
    lines.set(name, index + 1);
  }
  return [...lines.keys()];
}
