import { describe, expect, it } from "vitest";
import { syntheticFundus } from "./synthetic-fundus.ts";

const options = { count: { train: 6, validation: 2, test: 2 }, size: 64, seed: 11 };

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
  it("draws a sample from seed, size and id alone", async () => {
    const dataset = syntheticFundus(options);
    const other = syntheticFundus({ ...options, count: { train: 0, validation: 0, test: 1 } });
    await dataset.load("train-3");
    expect(await other.load("test-0")).toEqual(await dataset.load("test-0"));
    expect((await dataset.load("test-1")).image).not.toEqual((await dataset.load("test-0")).image);
    expect((await syntheticFundus({ ...options, seed: 12 }).load("test-0")).mask).not.toEqual((await other.load("test-0")).mask);
  });

  it.each([32, 65, 128])("has vessels within the field of view, darker than their surroundings, at %i pixels", async (size) => {
    const dataset = syntheticFundus({ ...options, size });
    for (const id of dataset.splits.train) {
      const { image, mask, fieldOfView } = await dataset.load(id);
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
    const { image, mask, fieldOfView } = await syntheticFundus({ ...options, size: 128 }).load("train-0");
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
