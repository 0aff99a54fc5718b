import type { Tensor4D } from "@tensorflow/tfjs-core";
import { beforeAll, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { expectGradients } from "../testing/expect-gradients.ts";
import { convTranspose2x2 as reference } from "../testing/reference.ts";
import { convTranspose2x2 } from "./conv-transpose2x2.ts";

beforeAll(useTestBackend);

it.each([
  [[2, 3, 4, 3], 2],
  [[1, 1, 1, 2], 3],
  [[1, 4, 2, 1], 1],
] as const)("convTranspose2x2 has the reference's values and gradients: %j", async (shape, outChannels) => {
  await expectGradients({
    inputs: [{ shape }, { shape: [shape[3], 2, 2, outChannels] }],
    operation: (x, w) => convTranspose2x2(x as Tensor4D, w as Tensor4D),
    reference: (x, w) => reference(x!, shape, w!, outChannels),
  });
});
