import { sum, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { expectGradients, gradientsOf, testVariable } from "../testing/expect-gradients.ts";
import { sigmoid, softmax } from "../testing/reference.ts";
import { leakyRelu, logSoftmax, relu, silu, softplus } from "./activation.ts";

beforeAll(useTestBackend);

const values = [-20, -3, -1, -0.3, -0.01, 0.01, 0.2, 1, 2.5, 5, 12, 30];

describe("activations have the reference's values and gradients", () => {
  it.each([
    ["relu", relu, (x: number) => Math.max(x, 0)],
    ["leakyRelu", (x: Tensor) => leakyRelu(x, 0.01), (x: number) => (x > 0 ? x : 0.01 * x)],
    ["silu", silu, (x: number) => x * sigmoid(x)],
    ["softplus", softplus, (x: number) => Math.log1p(Math.exp(x))],
  ] as const)("%s", async (_name, operation, reference) => {
    await expectGradients({ inputs: [{ shape: [3, 4], values }], operation: (x) => operation(x!), reference: (x) => x!.map(reference) });
  });

  it.each([[[3, 4]], [[2, 1, 6]], [[12]]])("logSoftmax of %j", async (shape) => {
    const classes = shape[shape.length - 1]!;
    await expectGradients({ inputs: [{ shape }], operation: logSoftmax, reference: (x) => softmax(x!, classes).map(Math.log) });
  });
});

it("does not overflow", () => {
  tidy(() => {
    const huge = tensor([-1e4, 0, 1e4]);
    expect(softplus(huge).dataSync()).toBeAllClose([0, Math.LN2, 1e4], { absolute: 1e-6 });
    expect(silu(huge).dataSync()).toBeAllClose([0, 0, 1e4], { absolute: 1e-6 });
    expect(logSoftmax(huge).dataSync()).toBeAllClose([-2e4, -1e4, 0], { absolute: 1e-6 });
  });
});

it("at 0, relu's derivative is 0 and leakyRelu's is its slope", () => {
  const input = testVariable([-1, 0, 1]);
  expect([...gradientsOf(() => sum(relu(input)), [input])[0]!]).toEqual([0, 0, 1]);
  expect([...gradientsOf(() => sum(leakyRelu(input, 0.25)), [input])[0]!]).toEqual([0.25, 0.25, 1]);
  input.dispose();
});
