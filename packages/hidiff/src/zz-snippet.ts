import { Generator, selectBackend } from "@hidiff/core-tensor";
import { createBatchSource, syntheticFundus } from "@hidiff/datasets";
import { configurationSchema, HybridModel, parse, pretrainSegmentor, segment, trainAlternating, TrainingSession } from "hidiff";

await selectBackend({ prefer: "wasm" });

const { architecture, training, inference } = parse(
  configurationSchema,
  {
    dataset: { name: "synthetic-fundus" },
    architecture: {
      segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } },
      refiner: { baseWidth: 4 },
      diffusion: { steps: 5 },
    },
    training: {
      batchSize: 4,
      cropSize: 32,
      pretraining: { iterations: 10, learningRate: 1e-2 },
      alternating: { iterations: 5, refinerLearningRate: 2e-3, segmentorLearningRate: 1e-3 },
    },
    inference: { samples: 4, window: 32 },
  },
  "The example's configuration",
);

const dataset = syntheticFundus({ count: { train: 8, validation: 0, test: 1 }, size: 64, seed: 1 });
const batches = createBatchSource(dataset, { split: "train", batchSize: training.batchSize, cropSize: training.cropSize, seed: training.seed });
const model = new HybridModel({ ...architecture, imageChannels: dataset.imageChannels, classes: dataset.classes }, new Generator(training.seed));
const session = new TrainingSession(model, training);
const onIteration = ({ phase, iteration, total, losses }: { phase: string; iteration: number; total: number; losses: object }) => {
  if (iteration % 5 === 0) console.log(phase, `${iteration}/${total}`, losses);
};
await pretrainSegmentor(session, batches, { onIteration });
await trainAlternating(session, batches, { onIteration });
await batches.close();

const sample = await dataset.load("test-0");
const image = { height: sample.height, width: sample.width, channels: sample.imageChannels, data: sample.image };
await session.average.with(async () => {
  const { mask, uncertainty } = await segment(model, image, { ...inference, seed: 7, onStep: ({ t }) => console.log("refined at step", t) });
  console.log(`${mask.filter((label) => label === 1).length} of ${mask.length} pixels are vessel`);
  console.log("largest variance over the samples", uncertainty!.reduce((largest, value) => Math.max(largest, value), 0).toFixed(3));
});
model.dispose();
