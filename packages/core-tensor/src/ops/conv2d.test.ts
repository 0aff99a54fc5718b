import { add, sum, type Tensor, type Tensor4D, tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { expectGradients, gradientsOf, testVariable } from "../testing/expect-gradients.ts";
import { conv2d as reference } from "../testing/reference.ts";
import { conv2d } from "./conv2d.ts";

type Shape4 = readonly [number, number, number, number];

beforeAll(useTestBackend);

describe("conv2d", () => {
  const cases: [name: string, input: Shape4, kernel: readonly [number, number], outChannels: number, stride: number, padding: number][] = [
    ["1×1", [2, 3, 5, 3], [1, 1], 4, 1, 0],
    ["1×1, stride 2", [2, 4, 6, 3], [1, 1], 2, 2, 0],
    ["3×3, padding 1, odd sides", [2, 5, 3, 3], [3, 3], 4, 1, 1],
    ["3×3, padding 1, even sides", [1, 6, 4, 2], [3, 3], 3, 1, 1],
    ["3×3, padding 0", [1, 5, 6, 2], [3, 3], 3, 1, 0],
    ["3×3, padding 1, stride 2", [2, 6, 4, 2], [3, 3], 3, 2, 1],
    ["3×3, padding 0, stride 2", [1, 6, 8, 2], [3, 3], 3, 2, 0],
    ["2×2", [2, 5, 4, 2], [2, 2], 3, 1, 0],
    ["2×2, padding 1", [1, 3, 4, 2], [2, 2], 3, 1, 1],
    ["2×2, stride 2", [2, 6, 4, 2], [2, 2], 3, 2, 0],
    ["2×2, padding 1, stride 2", [1, 4, 6, 2], [2, 2], 3, 2, 1],
    ["7×7, padding 3", [1, 8, 9, 2], [7, 7], 2, 1, 3],
    ["7×7, padding 3, stride 2", [1, 10, 8, 1], [7, 7], 2, 2, 3],
    ["7×7, padding 1", [1, 7, 8, 1], [7, 7], 2, 1, 1],
    ["3×1, padding 0", [1, 5, 4, 2], [3, 1], 2, 1, 0],
    ["2×3, padding 1", [1, 5, 4, 2], [2, 3], 2, 1, 1],
    ["one pixel", [2, 1, 1, 3], [3, 3], 2, 1, 1],
    ["one channel", [3, 4, 4, 1], [3, 3], 1, 1, 1],
  ];
  it.each(cases)("has the reference's values and gradients: %s", async (_name, input, kernel, outChannels, stride, padding) => {
    const filter: Shape4 = [...kernel, input[3], outChannels];
    await expectGradients({
      inputs: [{ shape: input }, { shape: filter }],
      operation: (x, w) => conv2d(x as Tensor4D, w as Tensor4D, { stride, padding }),
      reference: (x, w) => reference(x!, input, w!, filter, stride, padding),
    });
  });

  it("passes gradients through a residual connection", () => {
    // Addition hands one gradient to both branches; none may be freed while the other branch needs it.
    const input = testVariable([1, 2, 3, 4], [1, 2, 2, 1]);
    const filter = testVariable([0, 0, 0, 0, 2, 0, 0, 0, 0], [3, 3, 1, 1]);
    const loss = () => sum(add(input as Tensor, conv2d(input as unknown as Tensor4D, filter as unknown as Tensor4D, { padding: 1 }))) as never;
    const [ofInput, ofFilter] = gradientsOf(loss, [input, filter]);
    expect(ofInput).toBeAllClose([3, 3, 3, 3], { absolute: 1e-6 });
    expect(ofFilter).toBeAllClose([1, 3, 2, 4, 10, 6, 3, 7, 4], { absolute: 1e-6 });
    input.dispose();
    filter.dispose();
  });

  it("names what does not fit", () => {
    tidy(() => {
      const filter = tensor(new Float32Array(27), [3, 3, 3, 1]) as Tensor4D;
      const image = (...shape: Shape4): Tensor4D => tensor(new Float32Array(shape.reduce((a, b) => a * b)), [...shape]) as Tensor4D;
      expect(() => conv2d(image(1, 4, 4, 2), filter)).toThrow("expected [batch, height, width, 3]");
      expect(() => conv2d(image(1, 5, 4, 3), filter, { stride: 2, padding: 1 })).toThrow("multiples of the stride 2");
      expect(() => conv2d(image(1, 2, 2, 3), filter)).toThrow("no larger than the padded image");
      expect(() => conv2d(image(1, 4, 4, 3), filter, { padding: 3 })).toThrow("smaller than the kernel");
    });
  });
});
