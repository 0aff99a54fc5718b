import { describe, expect, it } from "vitest";
import { Generator } from "../random.ts";
import { biasUniform, constantTensor, kaimingUniform, normalTensor } from "./initializers.ts";

function moments(data: Float32Array): { mean: number; deviation: number; largest: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
  return { mean, deviation, largest: data.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

describe("initializers", () => {
  // 36,864 values: means are within 4/√36864 ≈ 2 %, deviations within 1.5 % of a standard deviation.
  const shape = [3, 3, 64, 64];
  const fanIn = 3 * 3 * 64;

  it.each([
    ["PyTorch's default", undefined, 1 / 24],
    ["a = 0", 0, Math.sqrt(6 / 576)],
  ])("kaimingUniform, %s, has the stated bound and a uniform's deviation", (_name, a, bound) => {
    const { shape: made, data } = kaimingUniform(shape, fanIn, new Generator(1), a);
    const { mean, deviation, largest } = moments(data);
    expect(made).toEqual(shape);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.99 * bound);
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
    expect(Math.abs(deviation / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.015);
  });

  it("biasUniform lies within 1/√fanIn", () => {
    const { shape: made, data } = biasUniform(4096, 16, new Generator(2));
    const { deviation, largest } = moments(data);
    expect(made).toEqual([4096]);
    expect(largest).toBeLessThanOrEqual(0.25);
    expect(Math.abs(deviation / (0.25 / Math.sqrt(3)) - 1)).toBeLessThan(0.05);
  });

  it("normalTensor has the stated deviation", () => {
    const { data } = normalTensor(shape, 0.02, new Generator(3));
    const { mean, deviation } = moments(data);
    expect(Math.abs(mean)).toBeLessThan(0.02 * 0.02);
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.015);
  });

  it("constantTensor is constant, also when it is empty or a scalar", () => {
    expect(constantTensor([2, 2], 3)).toEqual({ shape: [2, 2], data: Float32Array.of(3, 3, 3, 3) });
    expect(constantTensor([0, 2], 3).data).toHaveLength(0);
    expect(constantTensor([], 3).data).toEqual(Float32Array.of(3));
  });

  it("depends on the generator alone", () => {
    expect(kaimingUniform([4, 4], 4, new Generator(5))).toEqual(kaimingUniform([4, 4], 4, new Generator(5)));
    expect(kaimingUniform([4, 4], 4, new Generator(5))).not.toEqual(kaimingUniform([4, 4], 4, new Generator(6)));
  });
});
