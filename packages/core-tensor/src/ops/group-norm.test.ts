import { tidy, type Tensor4D, zeros } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { expectGradients } from "../testing/expect-gradients.ts";
import { normalize, sigmoid } from "../testing/reference.ts";
import { groupNorm, layerNorm } from "./group-norm.ts";

beforeAll(useTestBackend);

const tolerance = 1e-4; // divided by deviations down to 0.3

describe("groupNorm", () => {
  const shape = [2, 3, 2, 6] as const;
  const perImage = 3 * 2 * 6;
  describe.each([1, 2, 3, 6])("in %d groups", (groups) => {
    describe.each(["none", "silu"] as const)("with activation %s", (activation) => {
      it.each([
        ["per channel", [6], [6]],
        ["per item", [2, 6], [2, 6]],
        ["scale per item, shift per channel", [2, 6], [6]],
      ] as const)("has the reference's values and gradients: %s", async (_name, scaleShape, shiftShape) => {
        await expectGradients({
          inputs: [{ shape }, { shape: scaleShape }, { shape: shiftShape }],
          operation: (x, scale, shift) => groupNorm(x as Tensor4D, scale!, shift!, { groups, epsilon: 0.01, activation }),
          reference: (x, scale, shift) => {
            const image = (index: number): number => Math.floor(index / perImage);
            const { normalized } = normalize(x!, (index) => image(index) * groups + Math.floor((index % 6) / (6 / groups)), 0.01);
            return normalized.map((value, index) => {
              const of = (parameter: Float64Array): number => parameter[((parameter.length > 6 ? image(index) * 6 : 0) + (index % 6))]!;
              const result = value * of(scale!) + of(shift!);
              return activation === "silu" ? result * sigmoid(result) : result;
            });
          },
          tolerance,
        });
      });
    });
  });

  it("refuses groups that do not divide the channels", () => {
    tidy(() => {
      const options = { groups: 4, epsilon: 1e-5 };
      expect(() => groupNorm(zeros([1, 2, 2, 6]), zeros([6]), zeros([6]), options)).toThrow("6 channels cannot be divided into 4 groups");
    });
  });
});

it.each([[[2, 3, 5]], [[4, 3]], [[1, 2, 2, 4]]])("layerNorm of %j has the reference's values and gradients", async (shape) => {
  const channels = shape[shape.length - 1]!;
  await expectGradients({
    inputs: [{ shape }, { shape: [channels] }, { shape: [channels] }],
    operation: (x, scale, shift) => layerNorm(x!, scale!, shift!, 0.01),
    reference: (x, scale, shift) =>
      normalize(x!, (index) => Math.floor(index / channels), 0.01).normalized.map((value, index) => value * scale![index % channels]! + shift![index % channels]!),
    tolerance,
  });
});
