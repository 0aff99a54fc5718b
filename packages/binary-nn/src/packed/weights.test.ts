import { tensor, tidy } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { binarizeWeights } from "../binary-weights.ts";
import { columnOrder, kernelMatrix, kernelVector, winogradFilter } from "./float-weights.ts";
import { kernelWeights, packedRowBytes, packWeights } from "./weights.ts";

beforeAll(useTestBackend);

const shapes = [
  { outChannels: 1, inChannels: 4, kernelSize: 1 },
  { outChannels: 5, inChannels: 8, kernelSize: 1 },
  { outChannels: 3, inChannels: 4, kernelSize: 3 },
  { outChannels: 20, inChannels: 12, kernelSize: 3 },
  { outChannels: 33, inChannels: 8, kernelSize: 3 },
  { outChannels: 68, inChannels: 20, kernelSize: 1 },
];

/** Every combination of dy, dx and input and output channel. */
function* indices({ outChannels, inChannels, kernelSize }: (typeof shapes)[number]): Iterable<[number, number, number, number]> {
  for (let dy = 0; dy < kernelSize; dy++) {
    for (let dx = 0; dx < kernelSize; dx++) for (let c = 0; c < inChannels; c++) for (let out = 0; out < outChannels; out++) yield [dy, dx, c, out];
  }
}

describe.each(shapes)("$kernelSize×$kernelSize×$inChannels weights of $outChannels channels", (shape) => {
  const { outChannels, inChannels, kernelSize } = shape;
  const weights = new Generator(1).normalArray(kernelSize * kernelSize * inChannels * outChannels, 0.5).fill(0, 0, 1);
  const bitOf = (dy: number, dx: number, c: number): number => (dx * kernelSize + dy) * inChannels + c;

  it.each([false, true])("have the signs and the scale of the layers in training (centred: %s)", (centred) => {
    const { packed, scale } = packWeights(weights, shape, centred);
    expect(packed).toMatchObject(shape);
    expect(packed.bits.length).toBe(outChannels * packedRowBytes(shape));
    const trained = tidy(() => binarizeWeights(tensor(weights, [kernelSize, kernelSize, inChannels, outChannels]), { centred }).dataSync());
    const unpacked = Array.from(indices(shape), ([dy, dx, c, out]) => {
      const bit = bitOf(dy, dx, c);
      return (packed.bits[out * packedRowBytes(shape) + (bit >> 3)]! >> (bit & 7)) & 1 ? scale[out]! : -scale[out]!;
    });
    // The layers' scale is a mean in float32.
    expect(unpacked).toBeAllClose(trained, { relative: 1e-6 });
  });

  it("are laid out for the kernel by groups, nibbles and channels", () => {
    const { packed } = packWeights(weights, shape, false);
    const result = kernelWeights(packed);
    const nibbles = (kernelSize * kernelSize * inChannels) / 4;
    const run = 3 * Math.ceil(nibbles / 3);
    const paddedChannels = 16 * Math.ceil(outChannels / 16);
    const expected = new Uint8Array(run * paddedChannels);
    for (const [index, [dy, dx, c, out]] of Array.from(indices(shape)).entries()) {
      if (!(weights[index]! > 0)) continue;
      const start = 32 * Math.floor(out / 32);
      const groupSize = Math.min(32, paddedChannels - start);
      const nibble = Math.floor(bitOf(dy, dx, c) / 4);
      // Bytes 0, 2, 4 … of 16 are channels 0, 1, 2 …; the odd ones are channels 8, 9, 10 …
      const [half, inHalf] = [Math.floor((out - start) / 16), out % 16];
      const place = 16 * half + (inHalf < 8 ? 2 * inHalf : 2 * (inHalf - 8) + 1);
      expected[start * run + nibble * groupSize + place]! += 1 << (c % 4);
    }
    expect(result).toEqual(expected);
  });
});

describe("packWeights", () => {
  it("gives 0 the sign −1, and centres before the sign is taken", () => {
    const shape = { outChannels: 2, inChannels: 4, kernelSize: 1 };
    const weights = Float32Array.of(1, 1, 0, 2, -2, 3, 5, 6);
    // Channels 1, 0, −2, 5 (mean 1) and 1, 2, 3, 6 (mean 3).
    expect(packWeights(weights, shape, false)).toEqual({ packed: { ...shape, bits: Uint8Array.of(0b1001, 0b1111) }, scale: Float64Array.of(2, 3) });
    expect(packWeights(weights, shape, true)).toEqual({ packed: { ...shape, bits: Uint8Array.of(0b1000, 0b1000) }, scale: Float64Array.of(2, 3) });
  });

  it.each([0.7, 1 / 3, -0.2])("gives a centred channel of equal weights, %f, the sign of 0", (value) => {
    for (const inChannels of [4, 12, 20]) {
      const { packed } = packWeights(new Float32Array(9 * inChannels).fill(value), { outChannels: 1, inChannels, kernelSize: 3 }, true);
      expect(packed.bits.every((byte) => byte === 0)).toBe(true);
    }
  });
});

it("rounds rows of bits up to bytes", () => {
  expect([4, 8, 12].map((inChannels) => packedRowBytes({ inChannels, kernelSize: 1 }))).toEqual([1, 1, 2]);
  expect([4, 8].map((inChannels) => packedRowBytes({ inChannels, kernelSize: 3 }))).toEqual([5, 9]);
});

describe("float weights", () => {
  const range = (length: number): Float32Array => Float32Array.from({ length }, (_, index) => index + 1);

  it("pads vectors and matrices to 8 columns", () => {
    expect([...kernelVector([1, 2, 3])]).toEqual([1, 2, 3, 0, 0, 0, 0, 0]);
    expect([...kernelVector(range(8))]).toEqual([...range(8)]);
    expect([...kernelMatrix(range(6), 2, 3)]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0]);
    // Two groups of columns, one after the other.
    const wide = kernelMatrix(range(20), 2, 10);
    expect([...wide]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 9, 10, 0, 0, 0, 0, 0, 0, 19, 20, 0, 0, 0, 0, 0, 0]);
  });

  it("orders a filter's taps by columns, with rows of 0 for missing channels", () => {
    const ordered = columnOrder(range(9 * 2 * 3), 2, 3, 4);
    const expected = [0, 1, 2].flatMap((dx) =>
      [0, 1, 2].flatMap((dy) => [...range(54).subarray((dy * 3 + dx) * 6, (dy * 3 + dx) * 6 + 6), 0, 0, 0, 0, 0, 0]),
    );
    expect([...ordered]).toEqual(expected);
  });

  it("transforms a filter as G g Gᵀ, with rows of 0 for missing channels", () => {
    const [inChannels, outChannels, paddedInChannels] = [3, 5, 4];
    const filter = new Generator(2).normalArray(9 * inChannels * outChannels);
    const result = winogradFilter(filter, inChannels, outChannels, paddedInChannels);
    const size = 8 * paddedInChannels;
    expect(result.length).toBe(16 * size);
    const g = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]];
    const multiplied = (a: number[][], b: number[][]): number[][] => a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
    const transposed = (a: number[][]): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));
    for (let c = 0; c < paddedInChannels; c++) {
      for (let out = 0; out < 8; out++) {
        const taps = [0, 1, 2].map((dy) => [0, 1, 2].map((dx) => filter[((dy * 3 + dx) * inChannels + c) * outChannels + out]!));
        const inside = c < inChannels && out < outChannels;
        const expected = inside ? multiplied(multiplied(g, taps), transposed(g)).flat() : new Array<number>(16).fill(0);
        // One rounding to float32.
        expect(expected.map((_, k) => result[k * size + 8 * c + out]!)).toBeAllClose(expected, { relative: 2 ** -24, absolute: 1e-15 });
      }
    }
  });
});
