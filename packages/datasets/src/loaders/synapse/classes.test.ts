import { expect, it } from "vitest";
import { synapseLabelValues } from "./classes.ts";

it("maps BTCV's 13 organs to the 8 of TransUNet by hand-checked numbers", () => {
  // spleen 1 → 7, right kidney 2 → 4, left kidney 3 → 3, gallbladder 4 → 2, liver 6 → 5, stomach 7 → 8, aorta 8 → 1, pancreas 11 → 6
  expect([...synapseLabelValues.btcv.values()]).toEqual([0, 7, 4, 3, 2, 0, 5, 8, 1, 0, 0, 6, 0, 0]);
  expect([...synapseLabelValues.transunet]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((label) => [label, label]));
});
