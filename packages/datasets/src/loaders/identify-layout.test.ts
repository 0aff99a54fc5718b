import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identifyLayout } from "./identify-layout.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-layout-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder with empty files. */
async function holding(paths: readonly string[]): Promise<string> {
  const root = await mkdtemp(join(folder, "root-"));
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
  return root;
}

const kvasir = "cju0qkwl35piu0993l0dewei2.jpg";

describe("identifyLayout", () => {
  it.each([
    ["drive", ["training/images/21_training.tif", "test/images/01_test.tif"]],
    ["chase-db1", ["Image_01L.jpg", "Image_01L_1stHO.png"]],
    ["kvasir-seg", [`images/${kvasir}`, `masks/${kvasir}`, "train.txt"]],
    ["cvc-clinicdb", ["Original/1.tif", "Ground Truth/1.tif"]],
    ["synapse", ["train_npz/case0005_slice000.npz", "test_vol_h5/case0001.npy.h5"]],
    ["synapse", ["RawData/Training/img/img0001.nii.gz", "RawData/Training/label/label0001.nii.gz"]],
    ["brats2021", ["BraTS2021_00000/BraTS2021_00000_t1.nii.gz"]],
    ["brats2021", ["BraTS2021_Training_Data/BraTS2021_00000/BraTS2021_00000_t1.nii.gz"]],
    ["msd", ["dataset.json", "imagesTr/a.nii.gz", "labelsTr/a.nii.gz"]],
    ["msd", ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz"]],
    ["folder", ["imagesTr/a.png", "labelsTr/a.png"]],
    ["drive", ["training/images/21_training.TIF"]],
    ["chase-db1", ["Image_01L.JPG"]],
    ["brats2021", ["__MACOSX/x", "BraTS2021_Training_Data/BraTS2021_00000/BraTS2021_00000_t1.nii.gz"]],
    ["folder", ["images/a.png", "masks/a.png"]],
    ["folder", ["images/a.jpg", "masks/a.jpg", "train.txt"]],
    ["folder", ["hidiff-dataset.yaml", "Image_01L.jpg"]],
    [undefined, ["images/a.png"]],
    [undefined, ["readme.txt"]],
  ])("finds %s in %j", async (name, paths) => {
    expect(await identifyLayout(await holding(paths))).toEqual(name === undefined ? undefined : { name, options: {} });
  });

  it("says which folder cannot be read", async () => {
    await expect(identifyLayout(join(folder, "absent"))).rejects.toMatchObject({ code: "datasets.layout", message: expect.stringContaining("absent") });
  });
});
