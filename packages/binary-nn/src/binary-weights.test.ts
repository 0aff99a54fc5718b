import { Generator, mul, sum, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { gradientsOf, sizeOf, testVariable } from "../../core-tensor/src/testing/expect-gradients.ts";
import { binarizeWeights } from "./binary-weights.ts";

beforeAll(useTestBackend);

/** Values and straight-through gradient by their formulas, channel by channel. */
function formulas(
  weight: ArrayLike<number>,
  channels: number,
  incoming: ArrayLike<number>,
  centred: boolean,
): { values: Float64Array; gradient: Float64Array } {
  const values = new Float64Array(weight.length);
  const gradient = new Float64Array(weight.length);
  const count = weight.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const own = Array.from({ length: count }, (_, row) => row * channels + channel);
    const average = (numbers: number[]): number => numbers.reduce((total, value) => total + value, 0) / count;
    const centre = centred ? average(own.map((i) => weight[i]!)) : 0;
    const scale = average(own.map((i) => Math.abs(weight[i]!)));
    for (const i of own) {
      const inside = Math.abs(weight[i]! - centre) <= 1;
      values[i] = weight[i]! - centre > 0 ? scale : -scale;
      gradient[i] = inside ? incoming[i]! : 0;
    }
    if (!centred) continue;
    const passed = average(own.map((i) => gradient[i]!));
    for (const i of own) gradient[i]! -= passed;
  }
  return { values, gradient };
}

it("gives sign times mean magnitude per output channel; the sign of 0 is −1", () => {
  tidy(() => {
    const weight = tensor([1, 0, -2, 0, 3, 0], [3, 2]);
    expect(binarizeWeights(weight, { centred: false }).dataSync()).toBeAllClose([2, 0, -2, 0, 2, 0], {});
    // Centred by 2/3; the scale stays that of the uncentred weights.
    expect(binarizeWeights(weight, { centred: true }).dataSync().filter((_, index) => index % 2 === 0)).toBeAllClose([2, -2, 2], {});
    expect([...binarizeWeights(tensor([2, 2.5, 4, 3.5], [4, 1]), { centred: true }).dataSync()]).toEqual([-3, -3, 3, 3]);
    expect([...binarizeWeights(tensor([2, -2, 2, -2], [4, 1]), { centred: false }).dataSync()]).toEqual([2, -2, 2, -2]);
  });
});

it("passes the gradient where |W| ≤ 1, without the scale as a factor", () => {
  const weight = testVariable([-1.25, -1, -0.5, 0, 0.5, 1, 1.25], [7, 1]);
  const incoming = [1, 2, 3, 4, 5, 6, 7];
  const [gradient] = gradientsOf(() => sum(mul(binarizeWeights(weight, { centred: false }), tensor(incoming, [7, 1]))), [weight]);
  expect([...gradient!]).toEqual([0, 2, 3, 4, 5, 6, 0]);
  weight.dispose();
});

it("passes the gradient through the centring", () => {
  // Deviations from the mean 2: −1.5, −0.5, 0.5, 1.5; the uncentred weights are all but one beyond 1.
  const weight = testVariable([0.5, 1.5, 2.5, 3.5], [4, 1]);
  const [gradient] = gradientsOf(() => sum(mul(binarizeWeights(weight, { centred: true }), tensor([8, 1, 3, 8], [4, 1]))), [weight]);
  expect([...gradient!]).toEqual([-1, 0, 2, -1]);
  weight.dispose();
});

const random = new Generator("weights");
const shapes = [[1, 1], [7, 3], [3, 3, 1, 1], [3, 3, 4, 5], ...Array.from({ length: 4 }, () => [3, 3, 1 + random.integer(6), 1 + random.integer(6)])];

describe.each([false, true])("centred: %s", (centred) => {
  it.each(shapes.map((shape) => ({ shape })))("weights $shape equal the float64 formulas", async ({ shape }) => {
    await noLeak(() => {
      const generator = new Generator(shape.join());
      const data = generator.uniformArray(sizeOf(shape), -1.6, 1.8);
      const incoming = generator.uniformArray(data.length, -1, 1);
      const { values, gradient } = formulas(data, shape.at(-1)!, incoming, centred);
      const weight = testVariable(data, shape);
      tidy(() => {
        expect(binarizeWeights(weight, { centred }).dataSync()).toBeAllClose(values, { absolute: 1e-6 });
      });
      const [received] = gradientsOf(() => sum(mul(binarizeWeights(weight, { centred }), tensor(incoming, shape))), [weight]);
      expect(received!).toBeAllClose(gradient, { absolute: 1e-6 });
      weight.dispose();
    });
  });
});
