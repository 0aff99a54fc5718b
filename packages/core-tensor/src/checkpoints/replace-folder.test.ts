import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { recoverFolder, replaceFolder, replacedEnding } from "./replace-folder.ts";
import { removeAbandoned } from "./temporary-files.ts";

let parent = "";
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "hidiff-replace-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

async function folderWith(name: string, content: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path);
  await writeFile(join(path, "file"), content);
  return path;
}

const contentOf = (path: string): Promise<string> => readFile(join(path, "file"), "utf8");

it("replaceFolder puts a folder in the place of none and of another, and leaves nothing else", async () => {
  const path = join(parent, "model");
  await replaceFolder(await folderWith("new", "first"), path);
  expect(await contentOf(path)).toBe("first");
  await replaceFolder(await folderWith("new", "second"), `${path}/`);
  expect(await contentOf(path)).toBe("second");
  expect(await readdir(parent)).toEqual(["model"]);
});

it("replaceFolder leaves the old folder where the new one cannot take its place", async () => {
  const path = await folderWith("model", "old");
  await expect(replaceFolder(join(parent, "none"), path)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await contentOf(path)).toBe("old");
  expect(await readdir(parent)).toEqual(["model"]);
});

it("recoverFolder gives back what a killed process had moved aside, unless the new folder is there", async () => {
  const path = await folderWith("model", "old");
  await rename(path, path + replacedEnding);
  await removeAbandoned(parent);
  await recoverFolder(path);
  expect(await contentOf(path)).toBe("old");

  await folderWith(`model${replacedEnding}`, "older");
  await recoverFolder(path);
  expect(await contentOf(path)).toBe("old");
  await replaceFolder(await folderWith("new", "newest"), path);
  expect(await contentOf(path)).toBe("newest");
  expect(await readdir(parent)).toEqual(["model"]);
});

it("replaceFolder at the same time leaves one of the new folders, whole", async () => {
  const path = await folderWith("model", "old");
  const contents = ["a", "b", "c"];
  const made = await Promise.all(contents.map((content) => folderWith(content, content)));
  const outcomes = await Promise.allSettled(made.map((folder) => replaceFolder(folder, path)));
  expect(outcomes.some(({ status }) => status === "fulfilled")).toBe(true);
  expect(contents).toContain(await contentOf(path));
});
