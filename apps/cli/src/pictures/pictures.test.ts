import { labelStackOf } from "hidiff";
import { describe, expect, it } from "vitest";
import { parseColour } from "./colour.ts";
import { errorColours, errorPicture } from "./error-map.ts";
import { enlarge, greyPicture, maskPicture } from "./maps.ts";
import { overlayPicture } from "./overlay.ts";
import { fullestSlice } from "./slices.ts";

const size = { height: 1, width: 4 };

it("parseColour reads red, green and blue", () => {
  expect(parseColour("#e6194b")).toEqual([0xe6, 0x19, 0x4b]);
});

it("maskPicture is black and white for one class and the labels for several", () => {
  const labels = Uint8Array.of(0, 1, 2, 3);
  expect([...maskPicture(labels, size, 1).data]).toEqual([0, 255, 255, 255]);
  expect([...maskPicture(labels, size, 4).data]).toEqual([0, 1, 2, 3]);
});

it("greyPicture takes one channel and clips", () => {
  const values = Float32Array.of(9, 0, 9, 0.125, 9, 0.25, 9, 7);
  expect([...greyPicture(values, size, { channels: 2, channel: 1, white: 0.25 }).data]).toEqual([0, 128, 255, 255]);
});

it("errorPicture tells right, too much, missed and what is not looked at", () => {
  const picture = errorPicture({
    mask: Uint8Array.of(1, 1, 0, 0, 1, 2),
    truth: Uint8Array.of(1, 0, 1, 0, 0, 1),
    height: 1,
    width: 6,
    region: Uint8Array.of(1, 1, 1, 1, 0, 1),
  });
  const { right, extra, missed } = errorColours;
  expect([...picture.data]).toEqual([...right, ...extra, ...missed, 0, 0, 0, 0, 0, 0, ...extra]);
});

describe("overlayPicture", () => {
  const colours = new Map([[1, [255, 0, 100] as const]]);

  it("mixes the colour half and half, on RGB", () => {
    const image = { height: 1, width: 2, channels: 3, data: Uint8Array.of(10, 20, 30, 10, 20, 30) };
    expect([...overlayPicture(image, Uint8Array.of(0, 1), colours).data]).toEqual([10, 20, 30, 133, 10, 65]);
  });

  it("takes grey and 16 bits", () => {
    const image = { height: 1, width: 2, channels: 1, data: Uint16Array.of(65535, 0) };
    expect([...overlayPicture(image, Uint8Array.of(0, 0), colours).data]).toEqual([255, 255, 255, 0, 0, 0]);
  });
});

it("enlarge repeats pixels", () => {
  const { height, width, data } = enlarge({ height: 2, width: 1, channels: 2, data: Uint8Array.of(1, 2, 3, 4) }, 2);
  expect([height, width]).toEqual([4, 2]);
  expect([...data]).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 3, 4]);
});

it("fullestSlice is the first with the most foreground, or the middle one", () => {
  const grid = { depth: 4, height: 1, width: 2 };
  expect(fullestSlice(labelStackOf(Uint8Array.of(0, 0, 0, 1, 2, 3, 4, 4), grid))).toBe(2);
  expect(fullestSlice(labelStackOf(new Uint8Array(8), grid))).toBe(2);
  expect(fullestSlice(labelStackOf(new Uint8Array(2), { ...grid, depth: 1 }))).toBe(0);
});
