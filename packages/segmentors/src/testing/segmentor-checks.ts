import { AdamW, addN, dispose, Generator, mul, type Scalar, sum, type Tensor4D, tensor4d, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { expect } from "vitest";
import { segmentationLoss } from "../losses.ts";
import type { SegmentorModule } from "../segmentor.ts";

type Shape = [batch: number, height: number, width: number, channels: number];

/** Uniform in [−1, 1). */
export function randomImage(shape: Shape, seed: number = 3): Tensor4D {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor4d(new Generator(seed).uniformArray(size, -1, 1), shape);
}

/** Logits and features of `image` in evaluation mode, on the host. */
export function run(network: SegmentorModule, image: Tensor4D): { logits: Float32Array; features: Float32Array[] } {
  const values = (tensor: Tensor4D): Float32Array => Float32Array.from(tensor.dataSync());
  const results: { logits: Float32Array; features: Float32Array[] }[] = [];
  tidy(() => {
    const { logits, features } = network.forward(image, { training: false });
    results.push({ logits: values(logits), features: features.map(values) });
  });
  return results[0]!;
}

/** Checks that logits and feature maps have the declared shapes in both modes. */
export function expectDeclaredShapes(network: SegmentorModule, [batch, height, width]: readonly [number, number, number]): void {
  const image = randomImage([batch, height, width, network.imageChannels]);
  for (const training of [false, true]) {
    tidy(() => {
      const { logits, features } = network.forward(image, { training });
      expect(logits.shape).toEqual([batch, height, width, network.classes]);
      expect(features.map(({ shape }) => shape)).toEqual(
        [4, 8, 16, 32].map((stride, index) => [batch, height / stride, width / stride, network.featureChannels[index]]),
      );
    });
  }
  image.dispose();
}

/** Names of the parameters on which neither the logits nor those of deep supervision depend, at a random image. */
export function unreachedParameters(network: SegmentorModule, [batch, height, width]: readonly [number, number, number]): string[] {
  const image = randomImage([batch, height, width, network.imageChannels]);
  const parameters = network.parameters();
  const { gradients } = valueAndGradients(() => {
    const { logits, deepSupervision = [] } = network.forward(image, { training: true });
    // Random weights, since a sum over pixels does not depend on what stands before a normalization.
    const weighted = (output: Tensor4D, index: number): Scalar => sum(mul(output, randomImage(output.shape, 4 + index)));
    return addN([logits, ...deepSupervision].map(weighted));
  }, parameters);
  image.dispose();
  expect(gradients.every((gradient) => gradient.every(Number.isFinite))).toBe(true);
  return parameters.filter((_, index) => !gradients[index]!.some((slope) => slope !== 0)).map(({ name }) => name);
}

/** The losses of training a network of one image channel and one class to find four noisy discs, one a step. */
export function lossesOfTraining(network: SegmentorModule, steps: number, learningRate: number): number[] {
  const size = 32;
  const generator = new Generator(2);
  const mask = new Float32Array(4 * size * size);
  for (let item = 0; item < 4; item++) {
    const [row, column, radius] = [generator.uniform(10, 22), generator.uniform(10, 22), generator.uniform(4, 9)];
    for (let i = 0; i < size * size; i++) {
      const distance = Math.hypot(Math.floor(i / size) - row, (i % size) - column);
      mask[item * size * size + i] = distance < radius ? 1 : 0;
    }
  }
  const y0 = tensor4d(mask, [4, size, size, 1]);
  const image = tensor4d(mask.map((inside) => inside + generator.normal(0, 0.5)), [4, size, size, 1]);
  const parameters = network.parameters();
  const optimizer = new AdamW(parameters);
  const losses = Array.from({ length: steps }, () => {
    const { value, gradients } = valueAndGradients(() => {
      const { logits, deepSupervision } = network.forward(image, { training: true });
      return segmentationLoss({ logits, y0, deepSupervision });
    }, parameters);
    optimizer.step(gradients, learningRate);
    return value;
  });
  dispose([y0, image]);
  return losses;
}
