import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeAbandoned, temporaryPath } from "./temporary-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-temporary-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What a process leaves behind that is killed while it writes. */
async function writeAndDie(path: string): Promise<void> {
  const script = `
    import { writeFileSync } from "node:fs";
    import { temporaryPath } from ${JSON.stringify(new URL("./temporary-files.ts", import.meta.url).href)};
    writeFileSync(temporaryPath(${JSON.stringify(path)}), "half");
    process.kill(process.pid, "SIGKILL");`;
  const flags = ["--import", "tsx", "--input-type=module", "--eval", script];
  await promisify(execFile)(process.execPath, flags, { cwd: import.meta.dirname }).catch(() => undefined);
}

describe("removeAbandoned", () => {
  it("removes what killed processes left, files and folders, and nothing else", async () => {
    await writeAndDie(join(folder, "mask.nii.gz"));
    const [left] = await readdir(folder);
    expect(left).toMatch(/^mask\.nii\.gz\.[\w-]+\.\d+\.0\.0\.tmp$/);
    await mkdir(join(folder, left!.replace("mask.nii.gz", "bundle")));
    await writeFile(join(folder, left!.replace("mask.nii.gz", "bundle"), "hidiff.json"), "{");
    const kept = ["mask.nii.gz", "notes.tmp", "a.1.2.tmp", left!.replace(/\.[\w-]+(?=\.\d+\.0\.0\.tmp$)/, ".another-machine")];
    for (const name of kept) await writeFile(join(folder, name), "");
    const own = temporaryPath(join(folder, "running"));
    await writeFile(own, "");
    await removeAbandoned(folder);
    expect((await readdir(folder)).map((name) => join(folder, name)).sort()).toEqual([...kept.map((name) => join(folder, name)), own].sort());
  });

  it("is content with a folder that there is not", async () => {
    await expect(removeAbandoned(join(folder, "missing"))).resolves.toBeUndefined();
  });
});
