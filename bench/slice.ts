/**
 * Measures one training step and one inference of the whole slice on the backend of HIDIFF_BACKEND, and prints one JSON
 * line. `bench/index.ts` runs it once a round for every backend.
 */
import { Generator } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import { createBatchSource, prepareSamples, syntheticFundus } from "@hidiff/datasets";
import { configurationSchema, HybridModel, parse, pretrainSegmentor, preset, segment, trainAlternating, TrainingSession } from "hidiff";

export interface SliceTimes {
  readonly backend: string;
  /** Medians, in milliseconds. */
  readonly pretraining: number;
  readonly alternating: number;
  readonly inference: number;
  /** Largest resident memory of the process, in megabytes. */
  readonly memory: number;
}

const repetitions = 5;
const { name: backend } = await selectBackend();
const { architecture, training, inference } = parse(configurationSchema, preset("demo"), "The preset");
const samples = await prepareSamples(syntheticFundus({ count: { train: 8, validation: 0, test: 1 }, size: 64, seed: 1 }));
const options = {
  ...training,
  pretraining: { ...training.pretraining, iterations: repetitions + 1 },
  alternating: { ...training.alternating, iterations: repetitions + 1 },
};
const model = new HybridModel({ ...architecture, imageChannels: 3, classes: 1 }, new Generator(1));
const session = new TrainingSession(model, options);
const batches = createBatchSource(samples, { split: "train", batchSize: training.batchSize, cropSize: training.cropSize, seed: 1 });

/** The median over all iterations but the first, which warms up. */
async function medianIteration(train: typeof pretrainSegmentor): Promise<number> {
  const times: number[] = [];
  let start = performance.now();
  await train(session, batches, {
    onIteration: () => {
      times.push(performance.now() - start);
      start = performance.now();
    },
  });
  return median(times.slice(1));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const pretraining = await medianIteration(pretrainSegmentor);
const alternating = await medianIteration(trainAlternating);
const sample = await samples.load("test-0");
const image = { height: sample.height, width: sample.width, channels: sample.imageChannels, data: sample.image };
const inferences: number[] = [];
for (let i = 0; i < 4; i++) {
  const start = performance.now();
  await segment(model, image, { ...inference, seed: i });
  inferences.push(performance.now() - start);
}
await batches.close();
const times: SliceTimes = {
  backend,
  pretraining,
  alternating,
  inference: median(inferences.slice(1)),
  memory: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(times));
