import { addN, assignHost, countParameters, Generator, mul, type Scalar, sum, tensor, tensor4d, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { FeaturePyramid } from "./feature-pyramid.ts";

beforeAll(useTestBackend);

const options = { imageChannels: 3, classes: 2, width: 4 };

function randomMap(seed: string, channels: number): Float32Array {
  return new Generator(seed).uniformArray(2 * 32 * 64 * channels, 0, 1);
}

it("gives four maps, and the right gradient to each of its parameters", () =>
  noLeak(() => {
    const pyramid = new FeaturePyramid(options, new Generator("pyramid"));
    const parameters = pyramid.parameters();
    expect(pyramid.buffers()).toEqual([]);
    expect(countParameters(pyramid)).toBe(9 * (5 * 4 + 4 * 4 + 4 * 8 + 8 * 16 + 16 * 16) + 3 * (4 + 4 + 8 + 16 + 16));
    tidy(() => {
      const [image, prior] = [tensor4d(randomMap("image", 3), [2, 32, 64, 3]), tensor4d(randomMap("prior", 2), [2, 32, 64, 2])];
      const features = pyramid.forward(image, prior);
      expect(features.map(({ shape }) => shape)).toEqual([[2, 8, 16, 4], [2, 4, 8, 8], [2, 2, 4, 16], [2, 1, 2, 16]]);
      expect(pyramid.channels).toEqual([4, 8, 16, 16]);
      const weights = features.map(({ shape, size }, index) => tensor(new Generator(index).uniformArray(size, -1, 1), shape));
      const loss = (): Scalar => addN(pyramid.forward(image, prior).map((map, index) => sum(mul(map, weights[index]!)))) as Scalar;
      const { gradients } = valueAndGradients(loss, parameters);
      for (const [index, { name, variable }] of parameters.entries()) {
        const [gradient, { shape }] = [gradients[index]!, variable];
        const norm = Math.hypot(...gradient);
        const value = (variable.dataSync() as Float32Array).slice();
        const lossAt = (distance: number): number => {
          assignHost(variable, { shape, data: value.map((start, i) => start + (distance * gradient[i]!) / norm) });
          return tidy(() => loss().dataSync()[0]!);
        };
        // Along the gradient the slope is its norm. Float32 and the third derivative leave about a hundredth of it.
        const slope = (lossAt(0.01) - lossAt(-0.01)) / 0.02;
        expect(slope / norm, name).toBeCloseTo(1, 1.5);
        lossAt(0);
      }
    });
    pyramid.dispose();
  }));

it("sees the image and the prior, the extent of the prior too", () =>
  noLeak(() => {
    const pyramid = new FeaturePyramid(options, new Generator("pyramid"));
    const maps = (image: Float32Array, prior: Float32Array): number[][] => {
      const result: number[][] = [];
      tidy(() => {
        const features = pyramid.forward(tensor4d(image, [2, 32, 64, 3]), tensor4d(prior, [2, 32, 64, 2]));
        result.push(...features.map((map) => Array.from(map.dataSync())));
      });
      return result;
    };
    const image = randomMap("image", 3);
    const nothing = Float32Array.from({ length: 2 * 32 * 64 * 2 }, (_, index) => 1 - (index % 2));
    const before = maps(image, nothing);
    const farthest = (after: number[][]): number[] => after.map((map, level) => Math.max(...map.map((value, i) => Math.abs(value - before[level]![i]!))));
    for (const distance of farthest(maps(image.map((value) => 1 - value), nothing))) expect(distance).toBeGreaterThan(1e-2);
    for (const distance of farthest(maps(image, nothing.map((value) => 1 - value)))) expect(distance).toBeGreaterThan(1e-2);
    pyramid.dispose();
  }));
