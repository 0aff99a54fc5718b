import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";

// What decides how quick the command starts is what it loads: a time would depend on the machine.

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const folder = mkdtempSync(join(tmpdir(), "hidiff-startup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const list = join(folder, "modules.txt");
writeFileSync(
  join(folder, "hooks.mjs"),
  `import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(list)}, url + "\\n");
  return next(url, context);
}`,
);
writeFileSync(join(folder, "record.mjs"), `import { register } from "node:module"; register(${JSON.stringify(pathToFileURL(join(folder, "hooks.mjs")).href)});`);

/** The URLs of all modules that a command imports. */
function modulesOf(arguments_: readonly string[]): string[] {
  writeFileSync(list, "");
  spawnSync(process.execPath, ["--conditions=@hidiff/source", "--import", "tsx", "--import", join(folder, "record.mjs"), "apps/cli/bin/hidiff.js", ...arguments_], { cwd: repository });
  return readFileSync(list, "utf8").split("\n");
}

const heavy = /@tensorflow|sharp|zod|\/yaml\/|itk-wasm|onnxruntime|cli-progress|tinyglobby|packages\/(hidiff|datasets|segmentors|binary-nn)\//;

it.each([[["--help"]], [["--version"]], [[]], [["trian"]], [["train", "--help"]], [["completion", "bash"]], [["complete", "--", "train", "--preset", ""]]])(
  "loads nothing heavy for %j",
  (arguments_) => {
    const modules = modulesOf(arguments_);
    expect(modules.some((url) => url.includes("apps/cli/src/program.ts"))).toBe(true);
    expect(modules.filter((url) => heavy.test(url))).toEqual([]);
  },
);

it("would notice", () => {
  expect(modulesOf(["config", "presets"]).some((url) => heavy.test(url))).toBe(true);
});
