import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kindOf } from "./file-kind.ts";
import { findInputs } from "./inputs.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-inputs-"));
  for (const inner of ["inner", "none", "series/one", "series/two", "series/notes"]) await mkdir(join(folder, inner), { recursive: true });
  for (const name of ["b.png", "a.JPG", "notes.txt", "inner/b.tif", "[1].png", "c.nii.gz", "d.BMP", ".hidden.png", "series/notes/a.txt"]) {
    await writeFile(join(folder, name), "");
  }
  const dicom = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM more")]);
  for (const name of ["one/IM0001", "one/IM0002", "two/x.dcm"]) await writeFile(join(folder, "series", name), dicom);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("findInputs", () => {
  const names = async (...inputs: string[]): Promise<string[]> =>
    (await findInputs(inputs.map((input) => join(folder, input)), join(folder, "out"))).map(({ path }) => path.slice(folder.length + 1));

  it("takes a folder's own images and volumes", async () => {
    expect(await names(".")).toEqual(["[1].png", "a.JPG", "b.png", "c.nii.gz", "d.BMP"]);
  });

  it("takes patterns, and each file once", async () => {
    expect(await names("b.png", "**/b.*")).toEqual(["b.png", join("inner", "b.tif")]);
  });

  it("takes a file whose name looks like a pattern", async () => {
    expect(await names("[1].png")).toEqual(["[1].png"]);
  });

  it("takes a folder of DICOM files for one volume, and each one in a folder", async () => {
    expect(await names("series/one")).toEqual(["series/one"]);
    expect(await names("series")).toEqual([join("series", "one"), join("series", "two")]);
    expect(await Promise.all(["series/one", "series/two/x.dcm", "c.nii.gz", "b.png", "series/notes"].map((name) => kindOf(join(folder, name))))).toEqual([
      "dicom series", "dicom file", "volume", "picture", "other",
    ]);
  });

  it.each([
    ["none", /no image.*no volume.*no DICOM/],
    ["absent.png", /no file or folder/],
    ["*.webp", /No file matches/],
  ])("refuses %s", async (input, message) => {
    await expect(names(input)).rejects.toThrow(message);
  });
});
