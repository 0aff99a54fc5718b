import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = readdirSync(join(root, "packages")).map((name) => join("packages", name));

/** The TypeScript examples of a README. */
function examples(folder: string): string[] {
  const readme = join(root, folder, "README.md");
  if (!existsSync(readme)) return [];
  return [...readFileSync(readme, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

describe.each(folders)("the README of %s", (folder) => {
  const snippets = examples(folder);

  it("has an example", () => {
    expect(snippets.length).toBeGreaterThan(0);
  });

  it.each(snippets.map((code, index) => [index + 1, code] as const))("example %i runs", async (index, code) => {
    // In the package's own folder, where its name and its dependencies resolve as they do for a user.
    const file = join(root, folder, `.readme-example-${index}.ts`);
    writeFileSync(file, code);
    try {
      const environment = { ...process.env, HIDIFF_BACKEND: process.env["HIDIFF_BACKEND"] ?? "wasm" };
      await promisify(execFile)(process.execPath, ["--conditions=@hidiff/source", "--import", "tsx", file], { cwd: root, env: environment });
    } finally {
      rmSync(file, { force: true });
    }
  });
});
