import { expect, it } from "vitest";
import { synapseTest, synapseTrainSlices } from "./synapse.ts";

it("splits BTCV's 30 labelled CTs, numbered 1 to 10 and 21 to 40, into 18 with 2211 slices and 12", () => {
  const train = Object.keys(synapseTrainSlices);
  expect(train).toHaveLength(18);
  expect(synapseTest).toHaveLength(12);
  expect(Object.values(synapseTrainSlices).reduce((sum, slices) => sum + slices, 0)).toBe(2211);
  const numbers = [...Array.from({ length: 10 }, (_, i) => i + 1), ...Array.from({ length: 20 }, (_, i) => i + 21)];
  expect([...train, ...synapseTest].sort()).toEqual(numbers.map((number) => `case${String(number).padStart(4, "0")}`));
});
