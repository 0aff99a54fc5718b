import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSafetensors, writeFileAtomic, writeSafetensors } from "./atomic-file.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

describe("writeFileAtomic", () => {
  it("writes and replaces, and leaves nothing else", async () => {
    const path = join(folder, "a.txt");
    await writeFileAtomic(path, "first, longer");
    await writeFileAtomic(path, Uint8Array.of(104, 105));
    expect(await readFile(path, "utf8")).toBe("hi");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  it("keeps simultaneous writes apart: one of them stands, complete", async () => {
    const path = join(folder, "a.txt");
    const contents = ["a", "b", "c"].map((letter) => letter.repeat(200_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  it("leaves the old content when it is interrupted", async () => {
    const path = join(folder, "a.txt");
    await writeFile(path, "old");
    // Fails in the middle of writing, as a full disk would.
    const content = { [Symbol.asyncIterator]: async function* () { yield "new, "; throw Object.assign(new Error("full"), { code: "ENOSPC" }); } };
    await expect(writeFileAtomic(path, content as never)).rejects.toMatchObject({ code: "file.write", message: expect.stringContaining("the disk is full") });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  it("says what is wrong with the path", async () => {
    await writeFile(join(folder, "file"), "kept");
    await mkdir(join(folder, "folder"));
    const failure = (...parts: string[]): Promise<unknown> => writeFileAtomic(join(folder, ...parts), "x").catch((error: unknown) => error);
    expect(await failure("file", "a.txt")).toMatchObject({ code: "file.write", message: expect.stringContaining("a part of the path is a file") });
    expect(await failure("missing", "a.txt")).toMatchObject({ message: expect.stringContaining("there is no such file or folder") });
    expect(await failure("folder")).toMatchObject({ message: expect.stringContaining("it is a folder, not a file") });
    expect((await readdir(folder)).sort()).toEqual(["file", "folder"]);
    expect(await readFile(join(folder, "file"), "utf8")).toBe("kept");
  });

  it.skipIf(isRoot)("says that permission is missing (skipped for root, who has every permission)", async () => {
    const path = join(folder, "a.txt");
    await writeFile(path, "old");
    await chmod(folder, 0o500);
    await expect(writeFileAtomic(path, "new")).rejects.toThrow("permission was denied");
    await chmod(folder, 0o700);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });
});

describe("safetensors files", () => {
  it("give back what was written", async () => {
    const path = join(folder, "model.safetensors");
    const tensors = new Map([["a", { shape: [2, 1], data: Float32Array.of(1.5, -2) }], ["b", { shape: [1], data: Float32Array.of(3) }]]);
    await writeSafetensors(path, tensors, { step: "3" });
    expect(await readSafetensors(path)).toEqual({ tensors, metadata: { step: "3" } });
  });

  it("say which file is missing or broken", async () => {
    const path = join(folder, "model.safetensors");
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: "file.read", message: `Cannot read ${path}: there is no such file or folder; check the path.` });
    await writeFile(path, "abc");
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: "safetensors.format", message: expect.stringContaining(path) });
  });
});
