import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBatchSource, type WorkerBatchSourceOptions } from "../src/batches/worker-batch-source.ts";
import { createBatchSource, paperRgbAugmentation, paperVolumeAugmentation, prepareSamples, syntheticFundus } from "../src/index.ts";
import { type SyntheticKind, writeSynthetic, type WriteSyntheticOptions } from "../src/node.ts";
import type { DatasetSpec } from "../src/registry.ts";
import type { BatchSource } from "../src/types.ts";

/** One measurement, run by the repository's benchmark script. */
export interface Benchmark {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

const batchSize = 8;

/** Crops a second, of a source that has made `warmUp` batches already. */
async function cropsPerSecond(source: BatchSource, steps: number, warmUp: number): Promise<number> {
  for (let step = 0; step < warmUp; step++) await source.batch(step); // fills caches and warms the compiler
  const start = performance.now();
  for (let step = warmUp; step < warmUp + steps; step++) await source.batch(step);
  const seconds = (performance.now() - start) / 1000;
  await source.close();
  return (batchSize * steps) / seconds;
}

async function fromMemory(cropSize: number): Promise<Record<string, number>> {
  const samples = await prepareSamples(syntheticFundus({ count: { train: 4, validation: 0, test: 0 }, size: 512, seed: 1 }));
  const source = createBatchSource(samples, { split: "train", batchSize, cropSize, augmentation: paperRgbAugmentation, seed: 1, fieldOfViewFraction: 0.5, prefetch: 0 });
  return { cropSize, cropsPerSecond: await cropsPerSecond(source, 30, 8) };
}

// The threads run from the TypeScript sources, too.
const thread = { script: new URL("../src/testing/typescript-worker.mjs", import.meta.url), execArgv: ["--conditions=@hidiff/source"] };

interface Drawn {
  readonly kind: SyntheticKind;
  readonly name: string;
  readonly files: WriteSyntheticOptions;
}

/** The sizes of the originals, with fewer cases. */
const drive: Drawn = { kind: "drive", name: "drive", files: { size: 565, count: { train: 12, test: 1 } } };
const polyps: Drawn = { kind: "kvasir-seg", name: "kvasir-seg", files: { size: 600, count: { train: 12, validation: 1, test: 1 } } };
const abdomen: Drawn = { kind: "synapse-raw", name: "synapse", files: { size: 512, depth: 16, count: { train: 2, test: 1 } } };

/** Batches from files: from each image anew for every crop, and from memory, with one thread and two. */
async function fromFiles({ kind, name, files }: Drawn, options: Omit<WorkerBatchSourceOptions, "split" | "batchSize" | "seed">, steps: number): Promise<Record<string, number>> {
  const root = await mkdtemp(join(tmpdir(), "hidiff-bench-"));
  try {
    const data = join(root, "data");
    await writeSynthetic(kind, data, files);
    const spec: DatasetSpec = { name, root: data };
    const common = { ...options, split: "train", batchSize, seed: 1 } as const;
    const results: Record<string, number> = {};
    for (const workers of [1, 2]) {
      const label = `${workers} thread${workers === 1 ? "" : "s"}`;
      results[`read each time, ${label}`] = await cropsPerSecond(await startBatchSource(spec, { ...common, workers, cacheBytes: 0 }, thread), steps, 2);
      const cacheFolder = join(root, `slices-${workers}`);
      const start = performance.now();
      const cached = await startBatchSource(spec, { ...common, workers, cacheBytes: 0, cacheFolder }, thread);
      results[`seconds to fill the cache on disk, ${label}`] = (performance.now() - start) / 1000;
      results[`from the cache on disk, ${label}`] = await cropsPerSecond(cached, 4 * steps, 4);
      const inMemory = await startBatchSource(spec, { ...common, workers, cacheFolder }, thread);
      results[`from memory, ${label}`] = await cropsPerSecond(inMemory, 4 * steps, 12 * workers);
    }
    return results;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

export const benchmarks: readonly Benchmark[] = [
  ...[128, 256].map((cropSize) => ({
    name: `batches: augmented ${cropSize}×${cropSize}×3 crops from samples in memory, in the calling thread`,
    run: () => fromMemory(cropSize),
  })),
  {
    name: "batches: crops a second, 128×128×3 of photographs of 565×584 (TIFF)",
    run: () => fromFiles(drive, { cropSize: 128, augmentation: paperRgbAugmentation, fieldOfViewFraction: 0.5 }, 12),
  },
  {
    name: "batches: crops a second, 256×256×3 of photographs about 600 wide (JPEG), resized to 256×256",
    run: () => fromFiles(polyps, { cropSize: 256, augmentation: paperRgbAugmentation }, 12),
  },
  {
    name: "batches: slices a second, 256×256×1 of volumes of 16×512×512 (NIfTI, gzip) with nine classes, resized",
    run: () => fromFiles(abdomen, { cropSize: 256, augmentation: paperVolumeAugmentation }, 6),
  },
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
