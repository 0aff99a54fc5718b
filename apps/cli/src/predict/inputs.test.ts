import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findInputs, nameInputs } from "./inputs.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-inputs-"));
  await mkdir(join(folder, "inner"));
  await mkdir(join(folder, "none"));
  for (const name of ["b.png", "a.JPG", "notes.txt", "inner/b.tif", "[1].png"]) await writeFile(join(folder, name), "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("findInputs", () => {
  const names = async (...inputs: string[]): Promise<string[]> =>
    (await findInputs(inputs.map((input) => join(folder, input)))).map(({ path }) => path.slice(folder.length + 1));

  it("takes a folder's own images", async () => {
    expect(await names(".")).toEqual(["[1].png", "a.JPG", "b.png"]);
  });

  it("takes patterns, and each file once", async () => {
    expect(await names("b.png", "**/b.*")).toEqual(["b.png", join("inner", "b.tif")]);
  });

  it("takes a file whose name looks like a pattern", async () => {
    expect(await names("[1].png")).toEqual(["[1].png"]);
  });

  it.each([
    ["none", /no image/],
    ["absent.png", /no file or folder/],
    ["*.webp", /No file matches/],
  ])("refuses %s", async (input, message) => {
    await expect(names(input)).rejects.toThrow(message);
  });
});

it("nameInputs keeps results apart", () => {
  const names = nameInputs(["x/a.png", "y/a.png", "a.tif", "z/a-2.png"]).map(({ name }) => name);
  expect(names).toEqual(["a", "a-2", "a-3", "a-2-2"]);
});
