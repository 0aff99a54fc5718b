import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { colorJitter, colorJitterDefaults, drawColorJitter, type ColorJitterParameters } from "./color-jitter.ts";

const still: ColorJitterParameters = {
  brightness: 1,
  contrast: 1,
  saturation: 1,
  hue: 0,
  order: ["brightness", "contrast", "saturation", "hue"],
};

/** The textbook conversion through sectors of the colour circle, unlike the closed form under test. */
function turnHue([red, green, blue]: readonly [number, number, number], shift: number): number[] {
  const value = Math.max(red, green, blue);
  const chroma = value - Math.min(red, green, blue);
  const saturation = value === 0 ? 0 : chroma / value;
  let hue = 0;
  if (chroma > 0) {
    if (value === red) hue = (green - blue) / chroma;
    else if (value === green) hue = 2 + (blue - red) / chroma;
    else hue = 4 + (red - green) / chroma;
  }
  hue = (((hue / 6 + shift) % 1) + 1) % 1;
  const sector = Math.floor(hue * 6);
  const f = hue * 6 - sector;
  const p = value * (1 - saturation);
  const q = value * (1 - f * saturation);
  const t = value * (1 - (1 - f) * saturation);
  return [[value, t, p], [q, value, p], [p, value, t], [p, q, value], [t, p, value], [value, p, q]][sector % 6]!;
}

describe("colorJitter", () => {
  it("changes nothing with neutral parameters", () => {
    const image = new Generator(4).uniformArray(30, -1, 1);
    const jittered = image.slice();
    colorJitter(jittered, 3, still);
    for (let i = 0; i < image.length; i++) expect(jittered[i]).toBeCloseTo(image[i]!, 6); // two float32 roundings
  });

  it("turns the hue as the conversion by sectors does", () => {
    const generator = new Generator(5);
    for (const shift of [-0.5, -0.13, 0.01, 0.4]) {
      const colours = generator.uniformArray(300);
      const image = colours.map((value) => value * 2 - 1);
      colorJitter(image, 3, { ...still, hue: shift, order: ["hue"] });
      for (let i = 0; i < 300; i += 3) {
        turnHue([colours[i]!, colours[i + 1]!, colours[i + 2]!], shift).forEach((expected, channel) =>
          expect((image[i + channel]! + 1) / 2).toBeCloseTo(expected, 5),
        );
      }
    }
  });

  it("blends with black, the mean grey and the pixel's grey, clamped", () => {
    const image = Float32Array.of(0.2, 0.4, 0.6, 0.9, 0.5, 0.1).map((value) => value * 2 - 1);
    const run = (parameters: Partial<ColorJitterParameters>, inside?: Uint8Array): number[] => {
      const jittered = image.slice();
      colorJitter(jittered, 3, { ...still, ...parameters }, inside);
      return Array.from(jittered, (value) => (value + 1) / 2);
    };
    const close = (got: number[], expected: number[]): void => got.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    const first = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6;
    const second = 0.2989 * 0.9 + 0.587 * 0.5 + 0.114 * 0.1;
    const blend = (factor: number, pivots: readonly [number, number]): number[] =>
      [0.2, 0.4, 0.6, 0.9, 0.5, 0.1].map((value, i) => Math.min(1, Math.max(0, factor * value + (1 - factor) * pivots[i < 3 ? 0 : 1])));
    const mean = (first + second) / 2;
    close(run({ brightness: 1.4 }), blend(1.4, [0, 0]));
    close(run({ contrast: 1.5 }), blend(1.5, [mean, mean]));
    close(run({ contrast: 0.5 }, Uint8Array.of(1, 0)), blend(0.5, [first, first]));
    close(run({ saturation: 1.25 }), blend(1.25, [first, second]));
  });

  it("adjusts brightness and contrast of grey images, and refuses other channel counts", () => {
    const image = Float32Array.of(-0.5, 0.5);
    colorJitter(image, 1, { ...still, contrast: 0, saturation: 0, hue: 0.3 });
    expect([...image]).toEqual([0, 0]);
    expect(() => colorJitter(new Float32Array(8), 4, still)).toThrow(/3 channels \(RGB\) or 1, got 4/);
    expect(() => colorJitter(new Float32Array(0), 3, still)).not.toThrow();
    expect(() => colorJitter(Float32Array.of(0, 255, 3), 3, still)).toThrow(expect.objectContaining({ code: "datasets.range" }));
    expect(() => colorJitter(Float32Array.of(0, -1.2, 1.1), 3, still)).not.toThrow();
  });

  it("draws within the strengths, in every order", () => {
    const generator = new Generator(6);
    const orders = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const drawn = drawColorJitter(colorJitterDefaults, generator);
      orders.add(drawn.order.join());
      for (const name of ["brightness", "contrast", "saturation"] as const) {
        expect(Math.abs(drawn[name] - 1)).toBeLessThanOrEqual(colorJitterDefaults[name]);
      }
      expect(Math.abs(drawn.hue)).toBeLessThanOrEqual(0.01);
    }
    expect(orders.size).toBe(24);
  });
});
