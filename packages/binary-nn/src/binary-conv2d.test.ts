import { Generator, type Tensor4D, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { sizeOf } from "../../core-tensor/src/testing/expect-gradients.ts";
import { BinaryConv2d } from "./binary-conv2d.ts";
import { expectModule, randomize } from "./testing/expect-module.ts";
import { xnorDot } from "./testing/reference.ts";

beforeAll(useTestBackend);

type Shape = readonly [number, number, number, number];

/** HiDiff eq. 14 over the taps within the image, and how many those are, for every output. */
function xnorConvolution(
  signs: ArrayLike<number>,
  [batch, height, width, inChannels]: Shape,
  weight: ArrayLike<number>,
  outChannels: number,
  stride: number,
): { dots: number[]; taps: number[] } {
  const dots: number[] = [];
  const taps: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let y = 0; y < height; y += stride) {
      for (let x = 0; x < width; x += stride) {
        for (let out = 0; out < outChannels; out++) {
          const activations: number[] = [];
          const weights: number[] = [];
          for (let tap = 0; tap < 9; tap++) {
            const [row, column] = [y + Math.floor(tap / 3) - 1, x + (tap % 3) - 1];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < inChannels; c++) {
              activations.push(signs[((b * height + row) * width + column) * inChannels + c]!);
              weights.push(weight[(tap * inChannels + c) * outChannels + out]!);
            }
          }
          dots.push(xnorDot(activations, weights));
          taps.push(weights.length);
        }
      }
    }
  }
  return { dots, taps };
}

const random = new Generator("shapes");
const cases: { shape: Shape; outChannels: number; stride: number }[] = [
  { shape: [1, 1, 1, 1], outChannels: 1, stride: 1 },
  { shape: [1, 2, 2, 3], outChannels: 2, stride: 2 },
  { shape: [2, 5, 4, 7], outChannels: 5, stride: 1 },
  { shape: [2, 4, 6, 5], outChannels: 3, stride: 2 },
  ...Array.from({ length: 6 }, (_, index) => {
    const stride = 1 + (index % 2);
    return {
      shape: [1 + random.integer(2), stride * (1 + random.integer(4)), stride * (1 + random.integer(4)), 1 + random.integer(9)] as const,
      outChannels: 1 + random.integer(6),
      stride,
    };
  }),
];

describe.each(cases)("BinaryConv2d of $shape to $outChannels channels, stride $stride", ({ shape, outChannels, stride }) => {
  const inChannels = shape[3];

  it("equals XNOR and popcount over the taps within the image", async () => {
    await noLeak(() => {
      const generator = new Generator(shape.join());
      const layer = new BinaryConv2d({ inChannels, outChannels, stride, precision: "binary" }, generator);
      randomize(layer, generator);
      const [weight, bias] = [layer.weight.dataSync(), layer.bias.dataSync()];
      const scales = new Float64Array(outChannels);
      for (let i = 0; i < weight.length; i++) scales[i % outChannels]! += Math.abs(weight[i]!) / (9 * inChannels);
      const signs = generator.bernoulliArray(new Float32Array(sizeOf(shape)).fill(0.5)).map((bit) => 2 * bit - 1);
      const { dots } = xnorConvolution(signs, shape, weight, outChannels, stride);
      const output = tidy(() => layer.forward(tensor(signs, [...shape]) as Tensor4D).dataSync());
      // In units of the scale, the sums of up to 81 signs are off by less than 81 roundings of 81.
      const counted = output.map((value, i) => (value - bias[i % outChannels]!) / scales[i % outChannels]!);
      expect(counted).toBeAllClose(dots, { absolute: 1e-3 });
      layer.dispose();
    });
  });

  it.each(["binary", "real"] as const)("%s, has the reference's values and gradients", async (precision) => {
    const module = new BinaryConv2d({ inChannels, outChannels, stride, precision }, new Generator(0));
    await expectModule({
      module,
      precision,
      inputs: [{ shape, signs: precision === "binary" }],
      forward: ([input]) => module.forward(input as Tensor4D),
      reference: (layers, [input]) => layers.convolution("", input!, shape, stride),
    });
    module.dispose();
  });
});

it("counts padded taps as 0: equal signs everywhere give the number of taps within the image", () => {
  const shape = [1, 3, 4, 3] as const;
  const layer = new BinaryConv2d({ inChannels: 3, outChannels: 1, precision: "binary" }, new Generator(0));
  layer.loadStateDict(
    new Map([
      ["weight", { shape: [3, 3, 3, 1], data: new Float32Array(27).fill(-0.5) }],
      ["bias", { shape: [1], data: Float32Array.of(0) }],
    ]),
  );
  const signs = new Float32Array(36).fill(-1);
  const output = tidy(() => [...layer.forward(tensor(signs, [...shape]) as Tensor4D).dataSync()]);
  expect(output).toEqual([6, 9, 9, 6, 9, 13.5, 13.5, 9, 6, 9, 9, 6]); // half of 3·4, 3·6 and 3·9
  expect(xnorConvolution(signs, shape, new Float32Array(27).fill(-1), 1, 1).taps.map((count) => count / 2)).toEqual(output);
  layer.dispose();
});

it("starts with weights of both signs within ±1/√fanIn and no bias", () => {
  const layer = new BinaryConv2d({ inChannels: 4, outChannels: 8, precision: "binary" }, new Generator(0));
  const weight = layer.weight.dataSync();
  expect(Math.max(...weight)).toBeGreaterThan(0.1);
  expect(Math.min(...weight)).toBeLessThan(-0.1);
  expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(1 / 6);
  expect([...layer.bias.dataSync()]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  layer.dispose();
});
