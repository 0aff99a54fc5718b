import { describe, expect, it } from "vitest";
import { prepareSamples } from "../batches/prepare-samples.ts";
import type { SegmentationSample } from "../types.ts";
import { syntheticFundus, type SyntheticFundusOptions } from "./synthetic-fundus.ts";

const options = { count: { train: 6, validation: 2, test: 2 }, size: 64, seed: 11 };

async function sampleOf(chosen: SyntheticFundusOptions, id: string): Promise<SegmentationSample> {
  return (await prepareSamples(syntheticFundus(chosen))).load(id);
}

/** The mean green of the background within 4 pixels; the pixel's own where there is none. */
function surroundings(image: Float32Array, mask: Float32Array, fieldOfView: Uint8Array, size: number, pixel: number): number {
  let sum = 0;
  let count = 0;
  const [row, column] = [Math.floor(pixel / size), pixel % size];
  for (let y = Math.max(0, row - 4); y <= Math.min(size - 1, row + 4); y++) {
    for (let x = Math.max(0, column - 4); x <= Math.min(size - 1, column + 4); x++) {
      const other = y * size + x;
      if (mask[other] === 1 || fieldOfView[other] === 0) continue;
      sum += image[other * 3 + 1]!;
      count++;
    }
  }
  return count === 0 ? image[pixel * 3 + 1]! : sum / count;
}

describe("syntheticFundus", () => {
  it("draws a case from seed, size and id alone", async () => {
    const other = { ...options, count: { train: 0, validation: 0, test: 1 } };
    const first = await sampleOf(options, "test-0");
    expect(await sampleOf(other, "test-0")).toEqual(first);
    expect((await sampleOf(options, "test-1")).image).not.toEqual(first.image);
    expect((await sampleOf({ ...options, seed: 12 }, "test-0")).mask).not.toEqual(first.mask);
  });

  it("gives photographs of 8 bits", async () => {
    const { image, labels, fieldOfView } = await syntheticFundus(options).load("test-0");
    expect(image).toMatchObject({ depth: 1, height: 64, width: 64, channels: 3, range: [0, 255], outside: [0, 0, 0], spacing: [1, 1, 1] });
    const values = image.slice(0);
    expect(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
    expect(new Set(values).size).toBeGreaterThan(100);
    expect(new Set([...labels.slice(0), ...fieldOfView!.slice(0)])).toEqual(new Set([0, 1]));
    values.fill(0);
    expect(image.slice(0)).not.toEqual(values);
  });

  it.each([32, 65, 128])("has vessels within the field of view, darker than their surroundings, at %i pixels", async (size) => {
    const dataset = syntheticFundus({ ...options, size });
    for (const id of dataset.splits.train) {
      const { image, mask, fieldOfView } = await sampleOf({ ...options, size }, id);
      expect(image).toHaveLength(size * size * 3);
      expect(image.every((value) => value >= -1 && value <= 1)).toBe(true);
      let vessels = 0;
      let seen = 0;
      let contrast = 0;
      for (let pixel = 0; pixel < mask.length; pixel++) {
        seen += fieldOfView![pixel]!;
        if (mask[pixel] === 0) continue;
        expect(fieldOfView![pixel]).toBe(1);
        vessels++;
        contrast += surroundings(image, mask, fieldOfView!, size, pixel) - image[pixel * 3 + 1]!;
      }
      expect(vessels / seen).toBeGreaterThan(0.04);
      expect(vessels / seen).toBeLessThan(0.3);
      expect(contrast / vessels).toBeGreaterThan(0.02);
    }
  });

  it("cannot be solved by brightness alone", async () => {
    // The best threshold on green, chosen with the truth at hand, still misses faint branches and takes lesions for vessels.
    const { image, mask, fieldOfView } = await sampleOf({ ...options, size: 128 }, "train-0");
    let best = 0;
    for (let threshold = -1; threshold < 1; threshold += 0.02) {
      let both = 0;
      let either = 0;
      for (let pixel = 0; pixel < mask.length; pixel++) {
        const chosen = fieldOfView![pixel] === 1 && image[pixel * 3 + 1]! < threshold ? 1 : 0;
        both += chosen * mask[pixel]!;
        either += chosen + mask[pixel]!;
      }
      best = Math.max(best, (2 * both) / either);
    }
    expect(best).toBeLessThan(0.7);
  });

  it("explains wrong options and ids", async () => {
    expect(() => syntheticFundus({ ...options, size: 20 })).toThrow(/size must be an integer ≥ 32, got 20/);
    expect(() => syntheticFundus({ ...options, count: { train: -1, validation: 0, test: 0 } })).toThrow(/count\.train/);
    await expect(syntheticFundus(options).load("train-6")).rejects.toMatchObject({ code: "datasets.id" });
  });
});
