import { Generator } from "@hidiff/core-tensor";
import type { SegmentationDataset } from "@hidiff/datasets";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { labelMap, type Segmentation } from "../inference/segment.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyArchitecture, tinyBatches, tinyInference } from "../testing/tiny.ts";
import { evaluateDataset } from "./evaluate.ts";

beforeAll(useTestBackend);

/** Three discs, of which only the upper half counts. */
const dataset: SegmentationDataset = {
  name: "discs",
  imageChannels: 1,
  classes: 1,
  classNames: ["disc"],
  splits: { train: [], validation: [], test: ["0", "1", "2"] },
  load: async (id) => {
    const { height, width, images, masks } = await tinyBatches({ batchSize: 1 }).batch(Number(id));
    const fieldOfView = new Uint8Array(height * width).fill(1, 0, (height * width) / 2);
    return { id, height, width, imageChannels: 1, classes: 1, image: images, mask: masks, fieldOfView, spacing: [1, 1] };
  },
};

function diceInside(mask: Uint8Array, truth: Uint8Array, fieldOfView: Uint8Array): number {
  let [both, sum] = [0, 0];
  fieldOfView.forEach((counts, pixel) => {
    both += counts * mask[pixel]! * truth[pixel]!;
    sum += counts * (mask[pixel]! + truth[pixel]!);
  });
  return sum === 0 ? 1 : (2 * both) / sum;
}

it("scores prior and refined masks inside the field of view, the same every time", async () => {
  const model = new HybridModel(tinyArchitecture(), new Generator(4));
  const options = { ...tinyInference(), split: "test", seed: 3 } as const;
  const segmentations: Segmentation[] = [];
  const report = await noLeak(() =>
    evaluateDataset(model, dataset, { ...options, onCase: (_scores, segmentation) => void segmentations.push(segmentation) }),
  );
  expect(report).toMatchObject({ dataset: "discs", split: "test", seed: 3 });
  expect(report.cases.map(({ id }) => id)).toEqual(["0", "1", "2"]);
  for (const [index, scores] of report.cases.entries()) {
    const { mask, classes, fieldOfView } = await dataset.load(scores.id);
    const truth = labelMap(mask, classes);
    expect(scores.refined.dice).toBeCloseTo(diceInside(segmentations[index]!.mask, truth, fieldOfView!), 12);
    expect(scores.prior.dice).toBeCloseTo(diceInside(segmentations[index]!.priorMask, truth, fieldOfView!), 12);
  }
  const mean = report.cases.reduce((sum, { refined }) => sum + refined.dice!, 0) / 3;
  expect(report.refined.dice.mean).toBeCloseTo(mean, 12);
  expect(await evaluateDataset(model, dataset, options)).toEqual(report);
  model.dispose();
});

it("leaves out surface distances on request", async () => {
  const model = new HybridModel(tinyArchitecture(), new Generator(4));
  const options = { ...tinyInference(), split: "test", seed: 1 } as const;
  const names = async (surface: boolean): Promise<string[]> => Object.keys((await evaluateDataset(model, dataset, { ...options, surface })).cases[0]!.refined);
  const [without, all] = [await names(false), await names(true)];
  expect(all).toEqual(expect.arrayContaining(without));
  expect(all.length).toBeGreaterThan(without.length);
  model.dispose();
});

it("refuses a split without images", async () => {
  const model = new HybridModel(tinyArchitecture(), new Generator(4));
  await expect(evaluateDataset(model, dataset, { ...tinyInference(), split: "train", seed: 1 })).rejects.toMatchObject({
    code: "evaluate.empty",
    message: expect.stringContaining('"train" of discs'),
  });
  model.dispose();
});
