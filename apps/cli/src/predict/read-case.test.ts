import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVolume, writeMapVolume, writePng } from "@hidiff/datasets/node";
import type { BundleManifest } from "hidiff";
import { afterAll, beforeAll, expect, it } from "vitest";
import { obliqueAffine, writeNifti } from "../testing/nifti.ts";
import { readCase, readCasePrior } from "./read-case.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-read-case-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const size = [6, 5, 4] as const;

/** What is read of a model's manifest. */
function manifest(volumes: BundleManifest["preprocessing"]["volumes"]): BundleManifest {
  return { name: "test", architecture: { imageChannels: 1, classes: 1 }, preprocessing: { steps: [], volumes } } as unknown as BundleManifest;
}

it("lays a volume's prior on the slices that the model takes, and refuses a picture", async () => {
  const [image, prior, other] = ["image.nii.gz", "prior.nrrd", "prior.png"].map((name) => join(folder, name)) as [string, string, string];
  const voxels = Float32Array.from({ length: 120 }, (_, voxel) => voxel / 119);
  await writeNifti(image, voxels, size, obliqueAffine);
  await writeMapVolume(prior, voxels, await readVolume(image));
  const model = manifest({ plane: "coronal", outside: 0 });
  const found = await readCase({ paths: [image], name: "image" }, model);
  const stack = await readCasePrior(prior, found, model);
  expect(stack).toMatchObject({ depth: found.image.depth, height: found.image.height, width: found.image.width, channels: 1 });
  // The prior's values are those of the image.
  for (let index = 0; index < stack.depth; index++) expect(stack.slice(index)).toEqual(found.image.slice(index));
  await writePng(other, { height: 5, width: 6, channels: 1, data: new Uint8Array(30) });
  await expect(readCasePrior(other, found, model)).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("is a picture") });
});
