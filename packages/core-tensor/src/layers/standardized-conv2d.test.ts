import { mul, type Scalar, sum, tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { valueAndGradients } from "../optimizers/gradients.ts";
import { conv2d } from "../ops/conv2d.ts";
import { Generator } from "../random.ts";
import { centralDifferences, expectGradients } from "../testing/expect-gradients.ts";
import { StandardizedConv2d, standardizeFilter } from "./standardized-conv2d.ts";

beforeAll(useTestBackend);

/** `(w − mean)/√(variance + 1e-5)` of every `outChannels`-th weight. */
function standardized(filter: Float64Array, outChannels: number): Float64Array {
  const result = filter.slice();
  for (let out = 0; out < outChannels; out++) {
    const weights = filter.filter((_, index) => index % outChannels === out);
    const mean = weights.reduce((total, weight) => total + weight, 0) / weights.length;
    const variance = weights.reduce((total, weight) => total + (weight - mean) ** 2, 0) / weights.length;
    for (let i = out; i < filter.length; i += outChannels) result[i] = (filter[i]! - mean) / Math.sqrt(variance + 1e-5);
  }
  return result;
}

it.each([[[3, 3, 4, 5]], [[1, 1, 8, 3]], [[7, 7, 3, 1]]] as const)("standardizeFilter of %j: values and gradients", async (shape) => {
  await expectGradients({
    inputs: [{ shape }],
    operation: (filter) => standardizeFilter(filter as Tensor4D),
    reference: (filter) => standardized(filter!, shape[3]),
  });
});

it("a constant filter becomes zero", () => {
  tidy(() => {
    const filter = tensor(new Float32Array(18).fill(0.75), [3, 3, 1, 2]) as Tensor4D;
    expect([...standardizeFilter(filter).dataSync()].every((weight) => weight === 0)).toBe(true);
  });
});

it("convolves with the standardized filter, keeps the size by default, and differentiates through the standardization", () =>
  noLeak(() => {
    const generator = new Generator("standardized");
    const layer = new StandardizedConv2d({ inChannels: 2, outChannels: 3, stride: 2 }, generator);
    const [parameter] = layer.parameters();
    expect(layer.parameters()).toHaveLength(1);
    expect(parameter).toMatchObject({ name: "weight", layout: "convolution" });
    const weights = layer.stateDict().get("weight")!.data;
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(18));

    const image = generator.uniformArray(2 * 4 * 6 * 2, -1, 1);
    const factors = generator.uniformArray(2 * 2 * 3 * 3, -1, 1);
    const input = (): Tensor4D => tensor(image, [2, 4, 6, 2]) as Tensor4D;
    const loss = (filter: Float64Array): number => {
      const product = tidy(() => {
        const filterTensor = tensor(Float32Array.from(filter), [3, 3, 2, 3]) as Tensor4D;
        return conv2d(input(), filterTensor, { stride: 2, padding: 1 }).dataSync();
      });
      return Float64Array.from(product).reduce((total, value, index) => total + value * factors[index]!, 0);
    };
    // The loss is linear in the standardized filter, so its slopes there are exact at any step; the chain is float64.
    const slopes = weights.map((_, index) => loss(new Float64Array(weights.length).fill(1, index, index + 1)));
    const chained = (filter: Float64Array): number =>
      standardized(filter, 3).reduce((total, value, index) => total + value * slopes[index]!, 0);
    const weighted = (): Scalar => sum(mul(layer.forward(input()), tensor(factors, [2, 2, 3, 3])));
    const { value, gradients } = valueAndGradients(weighted, layer.parameters());
    expect([value]).toBeAllClose([chained(Float64Array.from(weights))], { absolute: 1e-4 });
    // Standardized weights are ten times the drawn ones, and so are the slopes: float32 rounds at about 1e-5.
    expect(gradients[0]!).toBeAllClose(centralDifferences(chained, [weights])[0]!, { absolute: 1e-4, relative: 1e-4 });
    layer.dispose();
  }));
