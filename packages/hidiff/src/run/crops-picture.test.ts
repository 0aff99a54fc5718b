import { expect, it } from "vitest";
import type { SegmentedCrop } from "../training/look-at-crops.ts";
import { cropsPicture } from "./crops-picture.ts";

/** A crop of 2×3 pixels; truth, prior and refined mask have one foreground pixel each: the first, the second, the third. */
function crop(image: readonly number[], label = 1): SegmentedCrop {
  const mask = (at: number): Uint8Array => Uint8Array.from({ length: 6 }, (_, index) => (index === at ? label : 0));
  const segmentation = { priorMask: mask(1), mask: mask(2) } as SegmentedCrop["segmentation"];
  return { height: 2, width: 3, image: Float32Array.from(image), truth: mask(0), segmentation, steps: [] };
}

it("shows image, truth, prior and refined mask side by side, a row a crop", () => {
  const grey = [-1, 0, 1, -1, -1, -1];
  const { height, width, channels, data } = cropsPicture([crop(grey), crop(grey.flatMap((value) => [value, -1, 1]), 2)]);
  expect({ height, width, channels }).toEqual({ height: 2 + 4 + 2, width: 4 * 3 + 3 * 4, channels: 3 });
  const pixel = (row: number, column: number): number[] => [...data.subarray((row * width + column) * 3, (row * width + column + 1) * 3)];
  const panel = 3 + 4;
  // Grey: −1 is black, 1 is white.
  expect([0, 1, 2].map((column) => pixel(0, column))).toEqual([[0, 0, 0], [128, 128, 128], [255, 255, 255]]);
  // Half image, half the colour of class 1, #e6194b.
  expect(pixel(0, panel)).toEqual([115, 13, 38]);
  expect(pixel(0, panel + 1)).toEqual([128, 128, 128]);
  expect(pixel(0, 2 * panel + 1)).toEqual([(128 + 0xe6) / 2, Math.round((128 + 0x19) / 2), Math.round((128 + 0x4b) / 2)]);
  expect(pixel(0, 3 * panel + 2)).toEqual([Math.round((255 + 0xe6) / 2), (255 + 0x19) / 2, (255 + 0x4b) / 2]);
  expect(pixel(0, 3)).toEqual([128, 128, 128]); // between panels
  // Three channels are colours; class 2 is #3cb44b.
  expect(pixel(6, 0)).toEqual([0, 0, 255]);
  expect(pixel(6, panel)).toEqual([0x3c / 2, 0xb4 / 2, (255 + 0x4b) / 2]);
});

it("shows the last of several channels, and an even crop as black", () => {
  const { data } = cropsPicture([crop([5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1])]);
  expect([...data.subarray(0, 9)]).toEqual(new Array(9).fill(0));
});
