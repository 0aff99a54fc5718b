import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import type { SegmentationSample } from "../types.ts";
import { extractPatch } from "./extract-patch.ts";
import { paperRgbAugmentation, paperVolumeAugmentation, resolveAugmentation, type AugmentationOptions } from "./options.ts";

const height = 24;
const width = 20;

/** Every pixel has its own colour, so that a patch tells where it came from; the mask marks every third pixel. */
const sample: SegmentationSample = {
  id: "numbered",
  height,
  width,
  imageChannels: 3,
  image: Float32Array.from({ length: height * width * 3 }, (_, i) => Math.floor(i / 3) / 480 + (i % 3) / 10000),
  classes: 1,
  mask: Float32Array.from({ length: height * width }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  fieldOfView: Uint8Array.from({ length: height * width }, (_, i) => (i % width < 12 ? 1 : 0)),
  outside: [-1, -1, -1],
};

function take(side: number, options: AugmentationOptions, seed: number, fieldOfViewFraction = 0) {
  return extractPatch(sample, { height: side, width: side, fieldOfViewFraction }, resolveAugmentation(options), new Generator(seed));
}

describe("extractPatch", () => {
  it("crops image and mask at one place, everywhere in the sample", () => {
    const corners = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const { image, mask } = take(16, {}, seed);
      const first = Math.round(image[0]! * 480);
      corners.add(first);
      for (let pixel = 0; pixel < 256; pixel++) {
        const source = first + Math.floor(pixel / 16) * width + (pixel % 16);
        expect(image[pixel * 3 + 1]).toBe(sample.image[source * 3 + 1]);
        expect(mask[pixel]).toBe(sample.mask[source]);
      }
    }
    expect(corners.size).toBe(9 * 5);
  });

  it("centres a sample that is smaller than the window, on black and background", () => {
    const { image, mask } = take(26, {}, 1);
    expect(image[0]).toBe(-1);
    expect(mask.reduce((sum, value) => sum + value, 0)).toBe(sample.mask.reduce((sum, value) => sum + value, 0));
    expect(image[(26 + 3) * 3]).toBe(sample.image[0]);
  });

  it("has the sample's own values outside, a channel at a time, whatever is augmented", () => {
    const own = { ...sample, outside: [-1, 0.25, 1], image: sample.image.map(() => 0.5) };
    for (const options of [{}, { colorJitter: true, gaussianBlur: true }] as const) {
      const { image } = extractPatch(own, { height: 30, width: 26, fieldOfViewFraction: 0 }, resolveAugmentation(options), new Generator(1));
      expect([...image.subarray(0, 3)]).toEqual([-1, 0.25, 1]);
      expect([...image.subarray(-3)]).toEqual([-1, 0.25, 1]);
    }
  });

  it("turns slices of a volume by 20° at most, with values of 0 and background around them", () => {
    const { affine, colorJitter, gaussianBlur } = resolveAugmentation(paperVolumeAugmentation);
    expect([affine, colorJitter, gaussianBlur]).toEqual([{ rotation: 20, scale: [1, 1], shear: 0, shift: 0 }, undefined, undefined]);
    const pixels = 40 * 40;
    const volume: SegmentationSample = {
      id: "slice",
      height: 40,
      width: 40,
      imageChannels: 4,
      image: new Float32Array(pixels * 4).fill(1),
      outside: [0, 0, 0, 0],
      classes: 3,
      mask: Float32Array.from({ length: pixels * 3 }, (_, i) => (i % 3 === 2 ? 1 : 0)),
    };
    let background = 0;
    for (let seed = 0; seed < 20; seed++) {
      const patch = extractPatch(volume, { height: 40, width: 40, fieldOfViewFraction: 0 }, resolveAugmentation(paperVolumeAugmentation), new Generator(seed));
      for (let pixel = 0; pixel < pixels; pixel++) {
        const [first, , last] = patch.mask.subarray(pixel * 3, pixel * 3 + 3);
        expect(first! + last!).toBe(1);
        background += first!;
        // Half a pixel inside of the nearest pixel's border, the image is at least half the slice's.
        if (last === 1) expect(patch.image[pixel * 4]).toBeGreaterThan(0.2);
        else expect(patch.image[pixel * 4]).toBeLessThan(0.8);
      }
    }
    // A square turned by ±10° on average leaves up to 14 % of its window.
    expect(background / (20 * pixels)).toBeGreaterThan(0.03);
    expect(background / (20 * pixels)).toBeLessThan(0.15);
  });

  it("prefers windows in the field of view, and takes the best where none suffices", () => {
    const left = (seed: number, fraction: number): number => Math.round(take(8, {}, seed, fraction).image[0]! * 480) % width;
    for (let seed = 0; seed < 50; seed++) expect(left(seed, 1)).toBeLessThanOrEqual(4);
    expect(() => take(20, {}, 1, 1)).not.toThrow();
  });

  it("keeps flips and turns of image and mask together", () => {
    for (let seed = 0; seed < 40; seed++) {
      const { image, mask } = take(12, { horizontalFlip: true, verticalFlip: true, quarterTurn: true }, seed);
      for (let pixel = 0; pixel < 144; pixel++) expect(mask[pixel]).toBe(Math.round(image[pixel * 3]! * 480) % 3 === 0 ? 1 : 0);
    }
  });

  it("leaves the other augmentations as they were when one is switched", () => {
    const { mask } = take(16, paperRgbAugmentation, 9);
    expect(take(16, { ...paperRgbAugmentation, colorJitter: false, gaussianBlur: false }, 9).mask).toEqual(mask);
  });

  it("gives values in range, a binary mask and black outside, with everything on", () => {
    let black = 0;
    for (let seed = 0; seed < 30; seed++) {
      const { image, mask } = take(24, { ...paperRgbAugmentation, affine: { scale: [0.5, 0.6] } }, seed);
      expect(image.every((value) => value >= -1 && value <= 1)).toBe(true);
      expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
      for (let pixel = 0; pixel < mask.length; pixel++) if (image[pixel * 3] === -1) black++;
    }
    // At half the scale at most 0.36 · 20 / 24 of each window shows the sample.
    expect(black).toBeGreaterThan(0.6 * 30 * 24 * 24);
  });

  describe("of a sample with a prior", () => {
    const hot = (label: number): Float32Array => Float32Array.from({ length: height * width * 3 }, (_, i) => (i % 3 === label ? 1 : 0));
    const classes = Float32Array.from({ length: height * width * 3 }, (_, i) => ((Math.floor(i / 3) ** 2 * 7) % 11 < 4 ? hot(2)[i]! : hot(0)[i]!));
    /** A prior equal to the mask, and pictures of it as the image. */
    const withPrior = { ...sample, classes: 3, mask: classes, prior: classes, image: classes, outside: [1, 0, 0] };
    const extract = (options: AugmentationOptions, seed: number) =>
      extractPatch(withPrior, { height: 20, width: 20, fieldOfViewFraction: 0 }, resolveAugmentation(options), new Generator(seed));

    it("moves it exactly as the mask by whole pixels, flips and quarter turns", () => {
      const seen = new Set<string>();
      for (let seed = 0; seed < 40; seed++) {
        const { mask, prior } = extract({ horizontalFlip: true, verticalFlip: true, quarterTurn: true }, seed);
        expect(prior).toEqual(mask);
        seen.add(prior!.join(""));
      }
      expect(seen.size).toBeGreaterThan(20);
    });

    it("samples it bilinearly as the image, with background around it", () => {
      for (let seed = 0; seed < 10; seed++) {
        const { image, mask, prior } = extract({ ...paperVolumeAugmentation, affine: { scale: [0.6, 0.9] } }, seed);
        expect(prior).toEqual(image); // which has the same values inside and outside
        expect(prior!.some((value) => value > 0 && value < 1)).toBe(true);
        for (let first = 0; first < prior!.length; first += 3) {
          expect(prior![first]! + prior![first + 1]! + prior![first + 2]!).toBeCloseTo(1, 5);
          // The nearest pixel has the largest weight of four: more than a quarter, at least.
          expect(prior![first + mask.subarray(first, first + 3).indexOf(1)]!).toBeGreaterThan(0.24);
        }
      }
    });

    it("leaves colour and blur to the image, and the image as it is without a prior", () => {
      const options = { ...paperRgbAugmentation, affine: false };
      const { prior, mask } = extract(options, 3);
      expect(prior).toEqual(mask);
      const { prior: _, ...without } = withPrior;
      const plain = extractPatch(without, { height: 20, width: 20, fieldOfViewFraction: 0 }, resolveAugmentation(options), new Generator(3));
      expect(plain).toEqual({ image: extract(options, 3).image, mask });
    });
  });
});
