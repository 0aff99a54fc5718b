import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findPriors } from "./find-priors.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-priors-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What is found for ids in a folder of these files. */
async function find(files: readonly string[], ids: readonly string[]) {
  for (const name of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), "");
  }
  const { files: found, notes } = await findPriors(folder, ids);
  return { found: Object.fromEntries([...found].map(([id, path]) => [id, relative(folder, path)])), notes };
}

describe("findPriors", () => {
  it("finds the file of each case by its id, whatever else there is", async () => {
    const files = ["a.png", "b_mask.PNG", "c_prob.tif", "d.nii.gz", "e.npz", "f_seg.nrrd", "g_probability.nii", "sub/h.bmp", "i.v2.png", "dataset.json", "plans.txt", "d.pkl", "other.png"];
    const { found, notes } = await find(files, ["a", "b", "c", "d", "e", "f", "g", "sub/h", "i.v2"]);
    expect(found).toEqual({ a: "a.png", b: "b_mask.PNG", c: "c_prob.tif", d: "d.nii.gz", e: "e.npz", f: "f_seg.nrrd", g: "g_probability.nii", "sub/h": join("sub", "h.bmp"), "i.v2": "i.v2.png" });
    expect(notes).toEqual([]);
  });

  it("takes probabilities before masks, and says so", async () => {
    const { found, notes } = await find(["a.nii.gz", "a.npz", "b_mask.png", "b_probability.png", "c_mask.npz", "c.png", "d.png"], ["a", "b", "c", "d"]);
    expect(found).toEqual({ a: "a.npz", b: "b_probability.png", c: "c.png", d: "d.png" });
    expect(notes).toEqual([expect.stringMatching(/fit for 3 case\(s\).* "a\.npz" and not "a\.nii\.gz", "b_probability\.png" and not "b_mask\.png", /)]);
  });

  it("does not take another case's file", async () => {
    const { found } = await find(["a.png", "a_mask.png"], ["a", "a_mask"]);
    expect(found).toEqual({ a: "a.png", a_mask: "a_mask.png" });
    await expect(find([], ["a_mask", "b_mask"])).rejects.toMatchObject({ message: expect.stringContaining("1 of 2 cases: b_mask.") });
  });

  it("knows that nnU-Net calls the input of CASE CASE_0000", async () => {
    expect((await find(["a.npz", "b_0000.png", "b.png"], ["a_0000", "b_0000"])).found).toEqual({ a_0000: "a.npz", b_0000: "b_0000.png" });
  });

  it("counts the cases without a file, and names the first", async () => {
    await expect(find(["c.png"], ["a", "b", "c", "d", "e"])).rejects.toMatchObject({
      code: "datasets.priors",
      message: expect.stringMatching(/no file for 4 of 5 cases: a, b, d, … *\. Expected .*"a_mask\.png"/),
    });
  });

  it("does not choose between two files of one kind, and goes no way out of the folder", async () => {
    await expect(find(["a.png", "a.tif"], ["a"])).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringMatching(/a\.png" and ".*a\.tif" may both be/) });
    await expect(find([], ["../x"])).rejects.toMatchObject({ code: "datasets.path" });
    await expect(findPriors(join(folder, "none"), ["a"])).rejects.toMatchObject({ code: "datasets.layout" });
    const outside = await mkdtemp(join(tmpdir(), "hidiff-outside-"));
    await writeFile(join(outside, "z.png"), "");
    await symlink(join(outside, "z.png"), join(folder, "z.png"));
    await expect(find([], ["z"])).rejects.toMatchObject({ code: "datasets.path", message: expect.stringContaining(basename(outside)) });
    await rm(outside, { recursive: true });
  });
});
