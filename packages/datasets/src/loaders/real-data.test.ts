import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { SegmentationDataset } from "../types.ts";
import { openChaseDb1 } from "./chase-db1.ts";
import { openDrive } from "./drive.ts";
import { identifyLayout } from "./identify-layout.ts";
import { openKvasirSeg } from "./kvasir-seg.ts";

/**
 * Every image of the original data sets is loaded. The expected numbers were computed without this package, with Pillow and
 * NumPy: a mask is foreground where the mean of its channels exceeds 127 (`np.asarray(Image.open(path)).sum(-1) > 3 * 127`;
 * for the 1-bit and palette files after `convert("L")`), and pixels are counted over all files.
 *
 * Counts of foreground pixels are compared exactly. For the JPEG masks of Kvasir-SEG that is justified by a measurement: no
 * pixel of the 1000 masks has a sum of channels within 6 of the threshold of 381, so decoders that differ by a level or two
 * a channel agree. The means of foreground fractions follow from such counts and sizes alone; they may differ by the order
 * in which up to 800 float64 numbers are added, which is some 1e-13, so 1e-6 is generous.
 */
const rounding = 1e-6;

const data = process.env.HIDIFF_DATA ?? fileURLToPath(new URL("../../../../../shared/data", import.meta.url));

interface Totals {
  cases: number;
  /** Sum of the sizes, and each size that occurs. */
  width: number;
  height: number;
  sizes: Set<string>;
  foreground: number;
  meanFraction: number;
  seen: number;
  foregroundSeen: number;
  channels: Set<number>;
}

async function measure(dataset: SegmentationDataset, ids: readonly string[]): Promise<Totals> {
  const totals: Totals = {
    cases: 0,
    width: 0,
    height: 0,
    sizes: new Set(),
    foreground: 0,
    meanFraction: 0,
    seen: 0,
    foregroundSeen: 0,
    channels: new Set(),
  };
  for (const id of ids) {
    const { image, labels, fieldOfView } = await dataset.load(id);
    const mask = labels.slice(0);
    const seen = fieldOfView?.slice(0);
    const pixels = image.slice(0);
    expect(pixels).toHaveLength(mask.length * image.channels);
    let foreground = 0;
    for (let i = 0; i < mask.length; i++) {
      foreground += mask[i]!;
      totals.seen += seen?.[i] ?? 0;
      totals.foregroundSeen += mask[i]! * (seen?.[i] ?? 0);
    }
    totals.cases++;
    totals.width += image.width;
    totals.height += image.height;
    totals.sizes.add(`${image.width}×${image.height}`);
    totals.channels.add(image.channels);
    totals.foreground += foreground;
    totals.meanFraction += foreground / mask.length / ids.length;
  }
  return totals;
}

describe.skipIf(!existsSync(join(data, "DRIVE")))("the 40 images of DRIVE (skipped where HIDIFF_DATA/DRIVE is absent)", () => {
  it.each([
    ["train", 569615, 0.08631576554733907, 4541006, 569415],
    ["test", 577945, 0.08757803976239543, 4538143, 577649],
  ] as const)("load completely: %s", async (split, foreground, fraction, seen, foregroundSeen) => {
    expect(await identifyLayout(join(data, "DRIVE"))).toEqual({ name: "drive", options: {} });
    const dataset = await openDrive(join(data, "DRIVE"));
    const totals = await measure(dataset, dataset.splits[split]);
    expect(totals).toMatchObject({ cases: 20, sizes: new Set(["565×584"]), channels: new Set([3]), foreground, seen, foregroundSeen });
    expect(Math.abs(totals.meanFraction - fraction)).toBeLessThan(rounding);
  });
});

describe.skipIf(!existsSync(join(data, "CHASE_DB1")))("the 28 images of CHASE_DB1 (skipped where HIDIFF_DATA/CHASE_DB1 is absent)", () => {
  it.each([
    [1, 1378468, 483506],
    [2, 1257349, 525231],
  ] as const)("load completely with the vessels of observer %i", async (observer, train, test) => {
    expect(await identifyLayout(join(data, "CHASE_DB1"))).toEqual({ name: "chase-db1", options: {} });
    const dataset = await openChaseDb1(join(data, "CHASE_DB1"), { observer });
    expect(new Set(dataset.splits.train.map((id) => dataset.groups!.get(id))).size).toBe(10);
    expect(new Set(dataset.splits.test.map((id) => dataset.groups!.get(id))).size).toBe(4);
    for (const [ids, cases, foreground] of [[dataset.splits.train, 20, train], [dataset.splits.test, 8, test]] as const) {
      const totals = await measure(dataset, ids);
      expect(totals).toMatchObject({ cases, sizes: new Set(["999×960"]), channels: new Set([3]), foreground, seen: 0 });
      expect(Math.abs(totals.meanFraction - foreground / cases / 999 / 960)).toBeLessThan(rounding);
    }
  });
});

describe.skipIf(!existsSync(join(data, "Kvasir-SEG")))("the 1000 images of Kvasir-SEG (skipped where HIDIFF_DATA/Kvasir-SEG is absent)", () => {
  const root = join(data, "Kvasir-SEG");

  it("load completely, in their various sizes", { timeout: 240_000 }, async () => {
    expect(await identifyLayout(root)).toEqual({ name: "kvasir-seg", options: {} });
    const dataset = await openKvasirSeg(root);
    const { train, validation, test } = dataset.splits;
    expect([train.length, validation.length, test.length]).toEqual([800, 100, 100]);
    const parts: Totals[] = [];
    for (const [ids, fraction] of [[train, 0.15455779122476263], [validation, 0.1610761183937166], [test, 0.14156049295344128]] as const) {
      const totals = await measure(dataset, ids);
      expect(Math.abs(totals.meanFraction - fraction)).toBeLessThan(rounding);
      expect(totals.channels).toEqual(new Set([3]));
      parts.push(totals);
    }
    const sum = (key: "cases" | "width" | "height" | "foreground"): number => parts.reduce((total, part) => total + part[key], 0);
    expect([sum("cases"), sum("width"), sum("height"), sum("foreground")]).toEqual([1000, 625292, 545228, 55068086]);
    expect(new Set(parts.flatMap(({ sizes }) => [...sizes])).size).toBe(333);
  });

  it("have lists of two publications, which share images", async () => {
    const { splits } = await openKvasirSeg(root, { split: "pranet" });
    expect([splits.train.length, splits.test.length]).toEqual([900, 100]);
    const named = await openKvasirSeg(root, { lists: { test: "pranet_test.txt" } });
    expect(named.splits).toEqual(splits);
    await expect(openKvasirSeg(root, { lists: { train: "train.txt", test: "pranet_test.txt" } })).rejects.toThrow(
      /"train\.txt" and "pranet_test\.txt" share 79 ids/,
    );
  });
});
