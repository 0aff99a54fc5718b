import { Generator, mul, sum, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { gradientsOf, sizeOf, testVariable } from "../../core-tensor/src/testing/expect-gradients.ts";
import { embeddingChannels, expectModule } from "./testing/expect-module.ts";
import { binarize, TimeBinarization } from "./time-binarization.ts";

beforeAll(useTestBackend);

describe("binarize", () => {
  it("is −1 at 0 and nothing but ±1", () => {
    tidy(() => {
      const input = tensor([-3, -1, -1e-30, -0, 0, 1e-30, 1, 3], [1, 2, 4]);
      const signs = binarize(input, tensor([0, 0, 0, 0], [1, 4]));
      expect(signs.shape).toEqual([1, 2, 4]);
      expect([...signs.dataSync()]).toEqual([-1, -1, -1, -1, -1, 1, 1, 1]);
      expect([...binarize(tensor([-0.25, 0.25, 0.5], [3, 1, 1]), tensor([0.25, -0.25, -0.25], [3, 1])).dataSync()]).toEqual([-1, -1, 1]);
    });
  });

  it("passes 2 − 2|u| of the gradient, and nothing from |u| = 1 on", () => {
    const input = testVariable([-2, -1, -0.75, -0.25, 0, 0.25, 0.75, 1, 2], [1, 9, 1]);
    const shift = testVariable([0], [1, 1]);
    const [ofInput, ofShift] = gradientsOf(() => sum(mul(binarize(input, shift), 3)), [input, shift]) as [Float32Array, Float32Array];
    expect([...ofInput]).toEqual([0, 0, 1.5, 4.5, 6, 4.5, 1.5, 0, 0]);
    expect([...ofShift]).toEqual([18]);
    input.dispose();
    shift.dispose();
  });

  const random = new Generator("shapes");
  const shapes = Array.from({ length: 6 }, (_, index) => Array.from({ length: 2 + (index % 3) }, () => 1 + random.integer(5)));
  it.each([[1, 1, 1], [2, 1, 3], ...shapes].map((shape) => ({ shape })))("of $shape equals the float64 formula, with both gradients", async ({ shape }) => {
    await noLeak(() => {
      const generator = new Generator(shape.join());
      const [batch, channels, size] = [shape[0]!, shape.at(-1)!, sizeOf(shape)];
      const values = generator.uniformArray(size, -1.5, 1.5);
      const shifts = generator.uniformArray(batch * channels, -0.5, 0.5);
      const weights = generator.uniformArray(size, -1, 1);
      const expected = new Float64Array(size);
      const ofInput = new Float64Array(size);
      const ofShift = new Float64Array(shifts.length);
      for (let i = 0; i < size; i++) {
        const own = Math.floor((i * batch) / size) * channels + (i % channels);
        const u = values[i]! + shifts[own]!;
        expected[i] = u > 0 ? 1 : -1;
        ofInput[i] = Math.abs(u) < 1 ? weights[i]! * (2 - 2 * Math.abs(u)) : 0;
        ofShift[own]! += ofInput[i]!;
      }
      const [input, shift] = [testVariable(values, shape), testVariable(shifts, [batch, channels])];
      tidy(() => {
        expect(binarize(input, shift).dataSync()).toBeAllClose(expected, {});
      });
      const gradients = gradientsOf(() => sum(mul(binarize(input, shift), tensor(weights, shape))), [input, shift]);
      expect(gradients[0]!).toBeAllClose(ofInput, { absolute: 1e-6 });
      expect(gradients[1]!).toBeAllClose(ofShift, { absolute: 1e-5 });
      expect(gradientsOf(() => sum(mul(binarize(input, shift), tensor(weights, shape))), [shift])[0]!).toEqual(gradients[1]!);
      input.dispose();
      shift.dispose();
    });
  });
});

it.each(["binary", "real"] as const)("TimeBinarization, %s, equals the loops, with all gradients", async (precision) => {
  for (const shape of [[2, 3, 2, 5], [3, 4, 2]]) {
    const module = new TimeBinarization({ channels: shape.at(-1)!, embeddingChannels, precision }, new Generator(0));
    await expectModule({
      module,
      precision,
      inputs: [{ shape }],
      forward: ([input], time) => module.forward(input!, time),
      reference: (layers, [input]) => layers.binarization("", input!),
    });
    module.dispose();
  }
});
