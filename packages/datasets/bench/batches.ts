import { createBatchSource, paperRgbAugmentation, syntheticFundus, type SegmentationDataset } from "../src/index.ts";

/** One measurement, run by the repository's benchmark script. */
export interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

async function throughput(dataset: SegmentationDataset, cropSize: number): Promise<Record<string, number | string>> {
  const batchSize = 8;
  const source = createBatchSource(dataset, {
    split: "train",
    batchSize,
    cropSize,
    augmentation: paperRgbAugmentation,
    seed: 1,
    fieldOfViewFraction: 0.5,
    prefetch: 0,
  });
  for (let step = 0; step < 8; step++) await source.batch(step); // fills the cache and warms the compiler
  const steps = 30;
  const start = performance.now();
  for (let step = 8; step < 8 + steps; step++) await source.batch(step);
  const milliseconds = performance.now() - start;
  await source.close();
  return {
    cropSize,
    millisecondsPerCrop: milliseconds / (steps * batchSize),
    cropsPerSecond: (1000 * steps * batchSize) / milliseconds,
  };
}

export const benchmarks: readonly Benchmark[] = [
  ...[128, 256].map((cropSize) => ({
    name: `batches: augmented ${cropSize}×${cropSize}×3 crops from cached samples`,
    run: () => throughput(syntheticFundus({ count: { train: 4, validation: 0, test: 0 }, size: 512, seed: 1 }), cropSize),
  })),
  {
    name: "batches: drawing synthetic fundus images of 256×256",
    run: async () => {
      const dataset = syntheticFundus({ count: { train: 12, validation: 0, test: 0 }, size: 256, seed: 1 });
      await dataset.load("train-0");
      const start = performance.now();
      for (let i = 1; i < 12; i++) await dataset.load(`train-${i}`);
      return { millisecondsPerImage: (performance.now() - start) / 11 };
    },
  },
];
