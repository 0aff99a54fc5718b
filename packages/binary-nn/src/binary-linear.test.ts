import { Generator, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { sizeOf } from "../../core-tensor/src/testing/expect-gradients.ts";
import { BinaryLinear } from "./binary-linear.ts";
import { expectModule, randomize } from "./testing/expect-module.ts";
import { xnorDot } from "./testing/reference.ts";

beforeAll(useTestBackend);

const random = new Generator("shapes");
const cases = [
  { shape: [1, 1, 2], outFeatures: 1 },
  { shape: [3, 7], outFeatures: 4 },
  { shape: [2, 3, 65], outFeatures: 5 },
  ...Array.from({ length: 4 }, () => ({ shape: [1 + random.integer(3), 1 + random.integer(5), 2 + random.integer(40)], outFeatures: 1 + random.integer(9) })),
];

describe.each(cases)("BinaryLinear of $shape to $outFeatures", ({ shape, outFeatures }) => {
  const inFeatures = shape.at(-1)!;

  it("equals XNOR and popcount with the signs of the centred weights", async () => {
    await noLeak(() => {
      const generator = new Generator(shape.join());
      const layer = new BinaryLinear({ inFeatures, outFeatures, precision: "binary" }, generator);
      randomize(layer, generator);
      const [weight, bias] = [layer.weight.dataSync(), layer.bias.dataSync()];
      const signs = [...generator.bernoulliArray(new Float32Array(sizeOf(shape)).fill(0.5))].map((bit) => 2 * bit - 1);
      const columns = Array.from({ length: outFeatures }, (_, out) => Array.from({ length: inFeatures }, (_row, c) => weight[c * outFeatures + out]!));
      const average = (values: number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
      const expected = Array.from({ length: (signs.length / inFeatures) * outFeatures }, (_, index) => {
        const [row, out] = [Math.floor(index / outFeatures), index % outFeatures];
        const centre = average(columns[out]!);
        return xnorDot(signs.slice(row * inFeatures, (row + 1) * inFeatures), columns[out]!.map((value) => (value - centre > 0 ? 1 : -1)));
      });
      tidy(() => {
        const output = layer.forward(tensor(signs, shape));
        expect(output.shape).toEqual([...shape.slice(0, -1), outFeatures]);
        const counted = output.dataSync().map((value, i) => (value - bias[i % outFeatures]!) / average(columns[i % outFeatures]!.map(Math.abs)));
        expect(counted).toBeAllClose(expected, { absolute: 1e-3 }); // 65 roundings of sums up to 65
      });
      layer.dispose();
    });
  });

  it.each(["binary", "real"] as const)("%s, has the reference's values and gradients", async (precision) => {
    const module = new BinaryLinear({ inFeatures, outFeatures, precision }, new Generator(0));
    await expectModule({
      module,
      precision,
      inputs: [{ shape, signs: precision === "binary" }],
      forward: ([input]) => module.forward(input!),
      reference: (layers, [input]) => layers.linear("", input!),
    });
    module.dispose();
  });
});
