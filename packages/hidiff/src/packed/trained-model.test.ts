import { Generator, tidy } from "@hidiff/core-tensor";
import { createBatchSource, prepareSamples } from "@hidiff/datasets";
import { openDataset } from "@hidiff/datasets/node";
import { prior as priorOf } from "@hidiff/segmentors";
import { beforeAll, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { dataFolder } from "../../../../test/goldens.ts";
import { loadBundle } from "../bundle/bundle-node.ts";
import { type HybridModel, mapTensor } from "../model/hybrid-model.ts";
import { compileRefiner } from "./compile-refiner.ts";
import { compareBlocks, type ComparedInputs } from "./testing/graph-comparison.ts";

/** The bundle of a model trained on DRIVE. */
const bundle = process.env["HIDIFF_TRAINED_MODEL"];
const skipped = bundle === undefined || dataFolder === undefined;

beforeAll(useTestBackend);

it.skipIf(skipped)(`a trained model is the same, block by block${skipped ? " (skipped: HIDIFF_TRAINED_MODEL names none, or the data are absent)" : ""}`, async () => {
  const { model } = await loadBundle(bundle!);
  const dataset = await openDataset({ name: "drive", root: `${dataFolder}/DRIVE` });
  const crops = createBatchSource(await prepareSamples(dataset, { splits: ["test"] }), { split: "test", batchSize: 1, cropSize: 128, seed: 1 });
  for (const [step, t] of [9, 4, 0].entries()) {
    const { images } = await crops.batch(step);
    const packed = await compileRefiner(model.refiner, { steps: [t], keepsMaps: true });
    const { largestMargin, errors, outputError } = compareBlocks(model.refiner, packed, inputsOf(model, images, t), t);
    packed.dispose();
    expect(largestMargin).toBeLessThan(1e-4);
    for (const [block, error] of errors) expect(error, block).toBeLessThan(1e-4);
    expect(outputError).toBeLessThan(1e-4);
  }
  await crops.close();
  model.dispose();
});

/** What the segmentor gives for a crop, with a latent mask drawn from its prior. */
function inputsOf(model: HybridModel, image: Float32Array, seed: number): ComparedInputs {
  const side = 128;
  let inputs: ComparedInputs | undefined;
  tidy(() => {
    const { logits, features } = model.segmentor.forward(mapTensor(image, [1, side, side, image.length / side ** 2]), { training: false });
    const host = (map: { dataSync(): unknown }): Float32Array => Float32Array.from(map.dataSync() as Float32Array);
    const prior = host(priorOf(logits));
    const yt = new Generator(seed).bernoulliArray(prior);
    inputs = { height: side, width: side, images: 1, image, prior, yt, features: features.map(host) as unknown as ComparedInputs["features"] };
  });
  return inputs!;
}
