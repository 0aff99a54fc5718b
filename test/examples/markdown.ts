import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced block of a Markdown file. */
export interface Example {
  /** The Markdown file, relative to the repository. */
  readonly document: string;
  /** The line of the Markdown file in which the block's code begins, from 1. */
  readonly line: number;
  /** `ts`, `js`, `sh`, `yaml`, … */
  readonly language: string;
  readonly code: string;
  /** Why the block cannot be run, if a comment says so: `<!-- not run: it needs a GPU -->`. */
  readonly notRun?: string;
  /** The file that the block is, for the commands after it: `<!-- file: mine.yaml -->`. */
  readonly file?: string;
}

/** All Markdown files whose examples are run: the READMEs and what is in `docs`. */
export function documents(): string[] {
  const inFolder = (folder: string): string[] => readdirSync(join(repository, folder)).map((name) => `${folder}/${name}`);
  const readmes = [...inFolder("packages"), ...inFolder("apps")].map((folder) => `${folder}/README.md`);
  return ["README.md", "CONTRIBUTING.md", ...readmes, ...inFolder("docs").filter((path) => path.endsWith(".md"))];
}

/** The fenced blocks of a Markdown file, in their order. */
export function examples(document: string): Example[] {
  const text = readFileSync(join(repository, document), "utf8");
  // A comment that stands right before a block belongs to it.
  const block = /(?:<!-- (not run|file): (.*?) -->\n+)?^```(\w*)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(block)].map((match) => {
    const [, kind, value, language = "", code = ""] = match;
    const line = text.slice(0, match.index + match[0].indexOf("```")).split("\n").length + 1;
    return { document, line, language, code, ...(kind === "not run" && { notRun: value! }), ...(kind === "file" && { file: value! }) };
  });
}
