import { addN, Generator, mul, type Scalar, sum, tensor, tidy, valueAndGradients } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { BinaryDense } from "./binary-dense.ts";
import { randomize } from "./testing/expect-module.ts";
import { computeTimeShifts, TimeShift, timeShiftsOf } from "./time-shift.ts";

beforeAll(useTestBackend);

it("is zero at first, whatever the time step", () => {
  const shift = new TimeShift({ embeddingChannels: 2, channels: 3 }, new Generator(0));
  tidy(() => {
    expect([...shift.forward({ activatedEmbedding: tensor([1, -2, 3, 4], [2, 2]) }).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
  });
  shift.dispose();
});

it("is found in a module with all others, in order of creation", () => {
  const module = new BinaryDense({ inChannels: 2, outChannels: 3, embeddingChannels: 2, precision: "binary" }, new Generator(0));
  expect(timeShiftsOf(module)).toEqual([module.binarization.shift, module.activation.before, module.activation.after]);
  module.dispose();
});

describe("computeTimeShifts", () => {
  it("of nothing is nothing", () => {
    tidy(() => {
      expect(computeTimeShifts([], tensor([1], [1, 1])).size).toBe(0);
    });
  });

  // One shift is a split into one part; widths differ.
  it.each([{ widths: [4] }, { widths: [1, 5, 3] }, { widths: [2, 2, 7, 1, 2] }])("of widths $widths equals each shift's own forward pass, with all gradients", async ({ widths }) => {
    await noLeak(() => {
      const generator = new Generator(widths.join());
      const modules = widths.map((channels) => new TimeShift({ embeddingChannels: 3, channels }, generator));
      for (const module of modules) randomize(module, generator);
      const embedding = generator.uniformArray(6, -1, 1);
      const weights = modules.map((_, index) => generator.uniformArray(2 * widths[index]!, -1, 1));
      const parameters = modules.flatMap((module, index) => module.parameters(`${index}.`));

      const evaluate = (together: boolean): { values: Float32Array[]; value: number; gradients: Float32Array[] } => {
        let values: Float32Array[] = [];
        const result = valueAndGradients(() => {
          const activatedEmbedding = tensor(embedding, [2, 3]);
          const time = { activatedEmbedding, ...(together && { shifts: computeTimeShifts(modules, activatedEmbedding) }) };
          const shifts = modules.map((module) => module.forward(time));
          values = shifts.map((shift) => shift.dataSync().slice() as Float32Array);
          return addN(shifts.map((shift, index) => sum(mul(shift, tensor(weights[index]!, shift.shape))))) as Scalar;
        }, parameters);
        return { values, ...result };
      };
      const [own, together] = [evaluate(false), evaluate(true)];
      own.values.forEach((values, index) => expect(together.values[index]).toBeAllClose(values, { absolute: 1e-6 }));
      own.gradients.forEach((gradient, index) => expect(together.gradients[index]).toBeAllClose(gradient, { absolute: 1e-6 }));
      expect(own.gradients.every((gradient) => gradient.some((value) => value !== 0))).toBe(true);
      for (const module of modules) module.dispose();
    });
  });

  it("leaves shifts that it was not given to themselves", () => {
    const generator = new Generator("partial");
    const [given, other] = [0, 1].map(() => new TimeShift({ embeddingChannels: 1, channels: 2 }, generator)) as [TimeShift, TimeShift];
    randomize(given, generator);
    randomize(other, generator);
    tidy(() => {
      const activatedEmbedding = tensor([0.5], [1, 1]);
      const shifts = computeTimeShifts([given], activatedEmbedding);
      expect(given.forward({ activatedEmbedding, shifts })).toBe(shifts.get(given));
      expect(other.forward({ activatedEmbedding, shifts }).dataSync()).toEqual(other.forward({ activatedEmbedding }).dataSync());
    });
    given.dispose();
    other.dispose();
  });
});
