import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openMsd } from "./msd.ts";

const data = process.env.HIDIFF_DATA ?? fileURLToPath(new URL("../../../../../../shared/data", import.meta.url));
const root = join(data, "MSD_Hippocampus");

/*
 * The expected numbers are of nibabel 5 and NumPy: for each imagesTr/*.nii.gz with its labelsTr file, `shape` of the image
 * (all are stored as RAS, so that an axial stack is [z, y, x] with y and x reversed), `header.get_zooms()`, and
 * `np.bincount(np.asanyarray(label.dataobj).astype(int).ravel(), minlength=3)`; the voxels of image 1 are
 * `np.asanyarray(image.dataobj)[10, 20, 5]`, `[11, 20, 5]`, `[10, 21, 5]`, `[10, 20, 6]`, and its `.sum(dtype=float)`.
 */
describe.skipIf(!existsSync(root))("MSD's hippocampus volumes (skipped where HIDIFF_DATA/MSD_Hippocampus is absent)", () => {
  it("are 260 with the sizes, spacing and labels that nibabel reads", async () => {
    const dataset = await openMsd(root);
    expect(dataset).toMatchObject({ imageChannels: 1, classes: 3, notes: [expect.stringContaining("no dataset.json")] });
    const ids = Object.values(dataset.splits).flat().sort();
    expect(Object.values(dataset.splits).map((split) => split.length)).toEqual([208, 26, 26]);
    expect(new Set(ids).size).toBe(260);

    const sizes = { depth: [] as number[], height: [] as number[], width: [] as number[] };
    const voxels = [0, 0, 0];
    const fractions: number[][] = [[], [], []];
    for (const id of ids) {
      const { image, labels } = await dataset.load(id);
      expect(image.spacing).toEqual([1, 1, 1]);
      expect(dataset.depthOf(id)).toBe(image.depth);
      for (const axis of ["depth", "height", "width"] as const) {
        expect(labels[axis]).toBe(image[axis]);
        sizes[axis].push(image[axis]);
      }
      const counts = [0, 0, 0];
      for (let slice = 0; slice < labels.depth; slice++) for (const value of labels.slice(slice)) counts[value]!++;
      const all = image.depth * image.height * image.width;
      counts.forEach((count, label) => {
        voxels[label]! += count;
        fractions[label]!.push(count / all);
      });
    }
    const summary = (values: readonly number[]): number[] => [Math.min(...values), Math.max(...values), values.reduce((sum, value) => sum + value, 0)];
    expect(summary(sizes.width)).toEqual([31, 43, 9198]);
    expect(summary(sizes.height)).toEqual([40, 59, 12995]);
    expect(summary(sizes.depth)).toEqual([24, 47, 9270]);
    expect(voxels).toEqual([15469502, 445938, 410816]);
    const expected = [[0.925243, 0.9624411, 0.94716513], [0.01809892, 0.04358745, 0.02748482], [0.01517733, 0.03736829, 0.02535005]];
    fractions.forEach((values, label) => {
      const [low, high, sum] = summary(values);
      [low!, high!, sum! / 260].forEach((value, i) => expect(value).toBeCloseTo(expected[label]![i]!, 7));
    });
  });

  it("lie in the axial stack as the affine says", async () => {
    const { image } = await (await openMsd(root, { classes: 3 })).load("hippocampus_001");
    expect([image.depth, image.height, image.width]).toEqual([35, 51, 35]);
    const at = (x: number, y: number, z: number): number => image.slice(z)[(50 - y) * 35 + (34 - x)]!;
    expect([at(10, 20, 5), at(11, 20, 5), at(10, 21, 5), at(10, 20, 6)]).toEqual([53, 50, 50, 46]);
    let sum = 0;
    for (let slice = 0; slice < image.depth; slice++) for (const value of image.slice(slice)) sum += value;
    expect(sum).toBe(3968524);
  });
});
