import { sum, type Tensor4D, tidy, zeros } from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { Generator } from "../random.ts";
import { expectGradients, gradientsOf, sizeOf, testVariable } from "../testing/expect-gradients.ts";
import { maxPool3 } from "./max-pool3.ts";

beforeAll(useTestBackend);

function reference(input: Float64Array, [batch, height, width, channels]: readonly [number, number, number, number]): number[] {
  const output: number[] = [];
  for (let item = 0; item < batch; item++) {
    for (let row = 0; row + 3 <= height; row += 2) {
      for (let column = 0; column + 3 <= width; column += 2) {
        for (let channel = 0; channel < channels; channel++) {
          let most = -Infinity;
          for (let y = row; y < row + 3; y++) {
            for (let x = column; x < column + 3; x++) {
              most = Math.max(most, input[((item * height + y) * width + x) * channels + channel]!);
            }
          }
          output.push(most);
        }
      }
    }
  }
  return output;
}

it.each([[[2, 6, 8, 3]], [[1, 4, 4, 1]], [[1, 10, 4, 2]]] as const)("%j: the loops' values and gradients", async (shape) => {
  const negative = new Generator("negative").uniformArray(sizeOf(shape), -3, -1);
  for (const input of [{ shape }, { shape, values: negative }]) {
    await expectGradients({ inputs: [input], operation: (x) => maxPool3(x as Tensor4D), reference: (x) => reference(x!, shape) });
  }
});

it("gives the gradient to the first of equal maxima in row-major order", () => {
  const rows = [
    [0, 0, 0, 0, 0, 0],
    [0, 7, 7, 7, 1, 9],
    [0, 7, 1, 1, 1, 9],
    [9, 9, 9, 9, 9, 9],
  ];
  const input = testVariable(rows.flat(), [1, 4, 6, 1]);
  const [gradient] = gradientsOf(() => sum(maxPool3(input as unknown as Tensor4D)), [input]);
  const expected = rows.flat().map(() => 0);
  expected[6 + 1] = 1; // the left window's, columns 0 … 2
  expected[6 + 2] = 1; // the right window's, columns 2 … 4
  expect([...gradient!]).toEqual(expected);
  input.dispose();
});

it.each([[[1, 5, 4, 1]], [[1, 4, 5, 1]], [[1, 2, 4, 1]], [[1, 4, 2, 1]]] as const)("refuses %j", (shape) => {
  tidy(() => {
    expect(() => maxPool3(zeros([...shape]))).toThrow("maxPool3: expected even height and width of at least 4");
  });
});
