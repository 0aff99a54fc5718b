import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { Generator } from "../random.ts";
import { expectGradients, sizeOf } from "../testing/expect-gradients.ts";
import { normalize } from "../testing/reference.ts";
import { batchNormInference, batchNormTraining, channelAffine } from "./batch-norm.ts";

beforeAll(useTestBackend);

const shapes = [[2, 3, 4, 3], [5, 2], [2, 7, 4], [1, 4, 4, 1]] as const;

function affine(normalized: Float64Array, scale: Float64Array, shift: Float64Array): Float64Array {
  return normalized.map((value, index) => value * scale[index % scale.length]! + shift[index % shift.length]!);
}

describe.each(shapes.map((shape) => ({ shape })))("batch normalization of $shape", ({ shape }) => {
  const channels = shape[shape.length - 1]!;
  const perChannel = { shape: [channels] };

  // A large epsilon shows whether it is added to the variance and not, say, to the deviation.
  it.each([1e-5, 0.3])("in training with epsilon %d has the reference's values and gradients", async (epsilon) => {
    await expectGradients({
      inputs: [{ shape }, perChannel, perChannel],
      operation: (x, scale, shift) => batchNormTraining(x!, scale!, shift!, epsilon).output,
      reference: (x, scale, shift) => affine(normalize(x!, (index) => index % channels, epsilon).normalized, scale!, shift!),
      tolerance: 1e-4, // divided by deviations down to 0.3
    });
  });

  it("gives the batch's mean and biased variance", () => {
    tidy(() => {
      const values = new Generator("statistics").uniformArray(sizeOf(shape), 2, 3);
      const one = tensor(new Float32Array(channels).fill(1));
      const { mean, variance } = batchNormTraining(tensor(values, [...shape]), one, one, 1e-5);
      const expected = normalize(Float64Array.from(values), (index) => index % channels, 1e-5);
      expect(mean.shape).toEqual([channels]);
      expect(variance.shape).toEqual([channels]);
      expect(mean.dataSync()).toBeAllClose(expected.mean, { absolute: 1e-5 });
      expect(variance.dataSync()).toBeAllClose(expected.variance, { absolute: 1e-5 });
    });
  });

  it("at inference has the reference's values and gradients", async () => {
    const generator = new Generator("inference");
    const mean = generator.uniformArray(channels, -1, 1);
    const variance = generator.uniformArray(channels, 0.5, 2);
    await expectGradients({
      inputs: [{ shape }, perChannel, perChannel],
      operation: (x, scale, shift) => batchNormInference(x!, { mean: tensor(mean), variance: tensor(variance) }, scale!, shift!, 0.1) as Tensor,
      reference: (x, scale, shift) =>
        affine(x!.map((value, index) => (value - mean[index % channels]!) / Math.sqrt(variance[index % channels]! + 0.1)), scale!, shift!),
    });
  });

  it("channelAffine has the reference's values and gradients", async () => {
    await expectGradients({ inputs: [{ shape }, perChannel, perChannel], operation: channelAffine, reference: affine });
  });
});

it("a batch of one row is normalized to the shift", () => {
  tidy(() => {
    const { output, variance } = batchNormTraining(tensor([3, -2], [1, 2]), tensor([2, 2]), tensor([0.5, 0.25]), 1e-5);
    expect(output.dataSync()).toBeAllClose([0.5, 0.25], { absolute: 1e-6 });
    expect([...variance.dataSync()]).toEqual([0, 0]);
  });
});
