import { sum, type Tensor4D, tidy, zeros } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { Generator } from "../random.ts";
import { expectGradients, gradientsOf, testVariable } from "../testing/expect-gradients.ts";
import { pool2, resizeNearest } from "../testing/reference.ts";
import { avgPool2, maxPool2, upsampleNearest2 } from "./pooling.ts";

beforeAll(useTestBackend);

const shapes = [[2, 4, 6, 3], [1, 2, 2, 1], [1, 8, 4, 2]] as const;
const mean = (window: number[]): number => window.reduce((a, b) => a + b) / 4;
const maximum = (window: number[]): number => Math.max(...window);

describe("2×2 pooling and upsampling have the reference's values and gradients", () => {
  it.each(shapes)("[%d, %d, %d, %d]", async (...shape) => {
    await expectGradients({ inputs: [{ shape }], operation: (x) => avgPool2(x as Tensor4D), reference: (x) => pool2(x!, shape, mean) });
    await expectGradients({ inputs: [{ shape }], operation: (x) => maxPool2(x as Tensor4D), reference: (x) => pool2(x!, shape, maximum) });
    await expectGradients({
      inputs: [{ shape }],
      operation: (x) => upsampleNearest2(x as Tensor4D),
      reference: (x) => resizeNearest(x!, shape, [2 * shape[1], 2 * shape[2]]),
    });
  });

  it("all negative", async () => {
    const shape = [2, 4, 4, 3] as const;
    const values = new Generator("negative").uniformArray(96, -3, -1);
    await expectGradients({ inputs: [{ shape, values }], operation: (x) => maxPool2(x as Tensor4D), reference: (x) => pool2(x!, shape, maximum) });
  });
});

it("maxPool2 gives the gradient to the first of equal maxima in row-major order", () => {
  // Windows side by side: all equal; the second and third; the last three; all zero.
  const rows = [
    [5, 5, 1, 2, 1, 7, 0, 0],
    [5, 5, 2, 1, 7, 7, 0, 0],
  ];
  const input = testVariable(rows.flat(), [1, 2, 8, 1]);
  const [gradient] = gradientsOf(() => sum(maxPool2(input as unknown as Tensor4D)), [input]);
  const expected = [
    [1, 0, 0, 1, 0, 1, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ];
  expect([...gradient!]).toEqual(expected.flat());
  input.dispose();
});

it("pooling refuses odd sides", () => {
  tidy(() => {
    expect(() => maxPool2(zeros([1, 3, 4, 1]))).toThrow("maxPool2: expected even height and width");
    expect(() => avgPool2(zeros([1, 4, 3, 1]))).toThrow("avgPool2: expected even height and width");
  });
});
