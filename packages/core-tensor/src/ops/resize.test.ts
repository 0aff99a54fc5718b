import { type Tensor4D, tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { expectGradients } from "../testing/expect-gradients.ts";
import * as reference from "../testing/reference.ts";
import { resizeBilinear, resizeNearest, slidingMean } from "./resize.ts";

beforeAll(useTestBackend);

type Shape4 = readonly [number, number, number, number];

describe("resizing", () => {
  const cases: [from: Shape4, to: readonly [number, number]][] = [
    [[2, 3, 4, 2], [6, 8]],
    [[1, 8, 6, 2], [4, 3]],
    [[1, 5, 7, 1], [3, 11]],
    [[1, 4, 4, 2], [4, 7]],
    [[1, 4, 4, 2], [7, 4]],
    [[1, 4, 3, 2], [4, 3]],
    [[1, 1, 1, 3], [3, 2]],
    [[1, 6, 5, 1], [1, 1]],
  ];
  describe.each(cases)("[%j] to %j has the reference's values and gradients", (shape, to) => {
    it.each([false, true])("bilinear, alignCorners %j", async (alignCorners) => {
      await expectGradients({
        inputs: [{ shape }],
        operation: (x) => resizeBilinear(x as Tensor4D, to, { alignCorners }),
        reference: (x) => reference.resizeBilinear(x!, shape, to, alignCorners),
      });
    });
    it("nearest", async () => {
      await expectGradients({
        inputs: [{ shape }],
        operation: (x) => resizeNearest(x as Tensor4D, to),
        reference: (x) => reference.resizeNearest(x!, shape, to),
      });
    });
  });

  it("gives PyTorch's numbers for a doubled ramp", () => {
    // torch.nn.functional.interpolate(torch.tensor([[[[0., 4., 8.]]]]), size=(1, 6), mode="bilinear", …)
    tidy(() => {
      const ramp = tensor([0, 4, 8], [1, 1, 3, 1]) as Tensor4D;
      expect(resizeBilinear(ramp, [1, 6]).dataSync()).toBeAllClose([0, 1, 3, 5, 7, 8], { absolute: 1e-6 });
      expect(resizeBilinear(ramp, [1, 6], { alignCorners: true }).dataSync()).toBeAllClose([0, 1.6, 3.2, 4.8, 6.4, 8], { absolute: 1e-6 });
    });
  });
});

describe("slidingMean", () => {
  it.each([
    [[2, 5, 4, 2], "height", 3],
    [[1, 7, 2, 2], "height", 5],
    [[2, 3, 6, 2], "width", 3],
    [[1, 2, 3, 1], "width", 5],
    [[1, 4, 4, 1], "width", 1],
  ] as const)("%j along the %s over %d has the reference's values and gradients", async (shape, axis, length) => {
    await expectGradients({
      inputs: [{ shape }],
      operation: (x) => slidingMean(x as Tensor4D, axis, length),
      reference: (x) => reference.slidingMean(x!, shape, axis === "height" ? 1 : 2, length),
    });
  });
});
