import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { usageError } from "../errors.ts";

/** Where a configuration comes from, and how errors call its parts. */
export interface ConfigurationSource {
  readonly value: unknown;
  /** How errors call the whole. */
  readonly name: string;
  /** Where the field at a path is, or the last one above it that there is: "mine.yaml:12". */
  place(path: readonly (string | number)[]): string;
}

/**
 * Reads a `.yaml`, `.yml` or `.json` file. A key `$schema`, which is for editors, is left out.
 *
 * @throws HidiffError `usage.option` for another kind of file, `file.read`, `config.syntax` with the lines of all errors
 */
export async function readConfigurationFile(path: string): Promise<ConfigurationSource> {
  const extension = extname(path).toLowerCase();
  if (![".yaml", ".yml", ".json"].includes(extension)) {
    throw usageError(`A configuration is a .yaml, .yml or .json file, got "${path}".`);
  }
  const text = (
    await readFile(path, "utf8").catch((error: unknown) => {
      throw fileError("read", path, error);
    })
  ).replace(/^\uFEFF/, "");
  const lines = new LineCounter();
  // JSON is YAML: one parser tells where everything is.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ code, message, pos: [offset] }) => {
    const { line } = lines.linePos(offset);
    return { line, text: `${path}:${line}: ${explain(code, message, text, offset)}` };
  });
  if (problems.length === 0 && extension === ".json") checkJson(text, path);
  // A line has one mistake, which often causes others in it and after it.
  const told = problems.filter(({ line }, index) => index === 0 || line > problems[index - 1]!.line).slice(0, 3);
  if (told.length > 0) throw new HidiffError("config.syntax", told.map((problem) => problem.text).join("\n"));
  const value = document.toJS() as unknown;
  if (value === null || value === undefined) {
    throw new HidiffError("config.invalid", `${path} is empty. Write one to start from: hidiff config init FILE.yaml --preset NAME`);
  }
  return {
    value: withoutSchemaKey(value),
    name: path,
    place: (field) => {
      const offset = offsetOf(document, field);
      return offset === undefined ? path : `${path}:${lines.linePos(offset).line}`;
    },
  };
}

function withoutSchemaKey(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { $schema: _, ...rest } = value as Record<string, unknown>;
  return rest;
}

/** Where the key of a field is, or that of the last field above it that there is. */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = (node as { range?: readonly number[] } | undefined)?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

/** What a mistake of syntax is, in the words of people who do not know YAML well. */
function explain(code: string, message: string, text: string, offset: number): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "There is a tab at the beginning of the line; indent with spaces.";
    case "DUPLICATE_KEY":
      return `${/^[\w$"'.-]+/.exec(text.slice(offset))?.[0] ?? "A key"} is there twice; delete one of them.`;
    case "MULTIPLE_DOCS":
      return 'A line "---" begins a second document; a configuration is one. Delete what is before or after it.';
    default: {
      const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1).split("\n")[0]!;
      const close = /end with a ([\]}])/.exec(message)?.[1];
      if (close !== undefined) return `A "${close === "]" ? "[" : "{"}" has no "${close}" that closes it.`;
      if (/closing .?quote/i.test(message)) return "A quote has no second one that closes it.";
      if (/^\s*(- )?[\w.$-]+:[^\s]/.test(line)) return `A colon needs a space after it: ${line.trim().replace(":", ": ")}`;
      if (code === "BLOCK_AS_IMPLICIT_KEY" || code === "BAD_INDENT" || code === "MULTILINE_IMPLICIT_KEY") {
        return `"${line.trim()}" or the line after it is indented wrongly, or has no colon or too many: fields of one level begin in the same column, a "name: value" a line.`;
      }
      return `This is not YAML: ${message.replace(/\.$/, "")}.`;
    }
  }
}

/** Refuses what YAML allows and JSON does not: comments, commas after the last field, texts without quotes. */
function checkJson(text: string, path: string): void {
  if (text.trim() === "") return;
  try {
    JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const offset = /position (\d+)/.exec(message)?.[1];
    const line = offset === undefined ? "" : `:${text.slice(0, Number(offset)).split("\n").length}`;
    throw new HidiffError(
      "config.syntax",
      `${path}${line}: This is not JSON, which has quotes around names and texts, no comments, and no comma after the last field; a file named .yaml may be written so.`,
      { cause: error },
    );
  }
}
