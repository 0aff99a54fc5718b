import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import { augmentationFor, type DatasetSpec } from "@hidiff/datasets";
import { openDataset, writeSynthetic } from "@hidiff/datasets/node";
// Threads that run from the TypeScript sources are for this repository only.
import { startBatchSource } from "../../datasets/src/batches/worker-batch-source.ts";
import { type ConfigurationInput, configurationSchema, HybridModel, parse, preset, pretrainSegmentor, trainAlternating, TrainingSession } from "../src/index.ts";

/** One measurement, run by the repository's benchmark script. */
export interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

const thread = { script: new URL("../../datasets/src/testing/typescript-worker.mjs", import.meta.url), execArgv: ["--conditions=@hidiff/source"] };

/** The percentage of training steps that is spent waiting for batches, by phase and number of threads that make them. */
async function waiting(input: ConfigurationInput, steps: number): Promise<Record<string, number | string>> {
  const { name: backend } = await selectBackend();
  const results: Record<string, number | string> = { backend };
  const { dataset: spec, architecture, training } = parse(configurationSchema, input, "The preset");
  const dataset = await openDataset(spec as DatasetSpec);
  const { imageChannels, classes } = dataset;
  for (const workers of [0, 1, 2]) {
    // One iteration more, which warms up.
    const iterations = steps + 1;
    const options = { ...training, pretraining: { ...training.pretraining, iterations }, alternating: { ...training.alternating, iterations } };
    const model = new HybridModel({ ...architecture, imageChannels, classes }, new Generator(training.seed));
    const session = new TrainingSession(model, options);
    const batches = await startBatchSource(
      spec as DatasetSpec,
      {
        dataset,
        split: "train",
        batchSize: training.batchSize,
        cropSize: training.cropSize,
        augmentation: augmentationFor(dataset, training.augmentation),
        seed: training.seed,
        fieldOfViewFraction: 0.5,
        workers,
      },
      thread,
    );
    for (const train of [pretrainSegmentor, trainAlternating]) {
      let [start, waited] = [0, 0];
      await train(session, batches, {
        onIteration: ({ phase, iteration }) => {
          if (iteration === 1) [start, waited] = [performance.now(), batches.waited];
          if (iteration !== iterations) return;
          const elapsed = performance.now() - start;
          results[`${phase}, ${workers} threads: % waited`] = (100 * (batches.waited - waited)) / elapsed;
          results[`${phase}, ${workers} threads: ms a step`] = elapsed / steps;
        },
      });
    }
    await batches.close();
    model.dispose();
  }
  return results;
}

async function ofDrive(steps: number): Promise<Record<string, number | string>> {
  const root = await mkdtemp(join(tmpdir(), "hidiff-bench-"));
  try {
    await writeSynthetic("drive", root, { size: 565, count: { train: 12, test: 1 } });
    return await waiting({ ...preset("drive-small"), dataset: { name: "drive", root } }, steps);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

export const benchmarks: readonly Benchmark[] = [
  { name: "waiting for batches: the preset demo", run: () => waiting(preset("demo"), 20) },
  { name: "waiting for batches: the preset drive-small on drawn images of DRIVE's size", run: () => ofDrive(3) },
];
