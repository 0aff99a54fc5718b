import { tensor, tidy, zeros } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { Generator } from "../random.ts";
import { expectGradients } from "../testing/expect-gradients.ts";
import * as reference from "../testing/reference.ts";
import { matMul, sumRows, swapLast } from "./matmul.ts";

beforeAll(useTestBackend);

describe("matMul", () => {
  it.each([
    [[], 3, 4, 5],
    [[], 1, 1, 1],
    [[3], 2, 4, 3],
    [[2, 3], 4, 2, 1],
  ] as const)("leading %j, %d×%d·%d has the reference's values and gradients", async (leading, m, k, n) => {
    const groups = leading.reduce((a: number, b) => a * b, 1);
    await expectGradients({
      inputs: [{ shape: [...leading, m, k] }, { shape: [...leading, k, n] }],
      operation: matMul,
      reference: (a, b) => reference.matMul(a!, b!, groups, m, k, n),
    });
  });

  it("refuses shapes that TensorFlow.js would differentiate wrongly", () => {
    tidy(() => {
      expect(() => matMul(zeros([2, 3]), zeros([4, 2]))).toThrow("got [2,3] · [4,2]");
      expect(() => matMul(zeros([1, 2, 3]), zeros([5, 3, 2]))).toThrow("equal leading dimensions");
      expect(() => matMul(zeros([5, 2, 3]), zeros([3, 2]))).toThrow("equal leading dimensions");
    });
  });
});

it("swapLast transposes each matrix", async () => {
  await expectGradients({
    inputs: [{ shape: [2, 3, 4] }],
    operation: swapLast,
    reference: (x) => Array.from({ length: 24 }, (_, i) => x![Math.floor(i / 12) * 12 + (i % 3) * 4 + (Math.floor(i / 3) % 4)]!),
  });
});

it("sumRows adds up rows", () => {
  tidy(() => {
    const values = new Generator("rows").uniformArray(24);
    const expected = Array.from({ length: 8 }, (_, i) => [0, 1, 2].reduce((total, row) => total + values[Math.floor(i / 4) * 12 + row * 4 + (i % 4)]!, 0));
    const sums = sumRows(tensor(values, [2, 3, 4]));
    expect(sums.shape).toEqual([2, 1, 4]);
    expect(sums.dataSync()).toBeAllClose(expected, { absolute: 1e-6 });
  });
});
